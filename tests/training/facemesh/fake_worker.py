"""What facemesh/worker.py says, without MediaPipe: bright images have a face, and 13 pixels of width kill it."""

import json
import sys

GRID = [(0.2 + 0.025 * (i % 24), 0.2 + 0.03 * (i // 24), 0.01 * (i % 7)) for i in range(468)]

print(json.dumps({"ready": True}), flush=True)
while line := sys.stdin.buffer.readline():
    size = json.loads(line)
    width, height = size["width"], size["height"]
    pixels = sys.stdin.buffer.read(width * height * 3)
    if width == 13:
        sys.exit("first words\nthe model fell over")
    bright = sum(pixels) > 40 * len(pixels)
    points = [[width * x, height * y, width * z] for x, y, z in GRID]
    print(json.dumps({"landmarks": points if bright else None}), flush=True)
