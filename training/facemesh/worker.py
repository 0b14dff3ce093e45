"""FaceMesh as a program: images come in by a pipe, landmarks go out. It runs where MediaPipe is, not in the project.

`tracker` starts it by its path in the environment that `environment` makes, so it imports nothing of the project.

A request is a line of JSON, ``{"width": w, "height": h}``, followed by w·h·3 bytes of RGB. The answer is a line of
JSON: ``{"landmarks": [[x, y, z], …]}``, 468 of them in pixels (x and z times the width, y times the height), or
``{"landmarks": null}`` where there is no face. The first line, ``{"ready": true}``, says that the model is loaded.
"""

import json
import os
import sys


def main(video: bool) -> None:
    """Answer requests until the input ends; in a `video` the face is followed from image to image."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever MediaPipe prints must not come between the answers
    import numpy as np
    from mediapipe.python.solutions.face_mesh import FaceMesh

    def answer(content: object) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    with FaceMesh(static_image_mode=not video, max_num_faces=1, refine_landmarks=False) as model:
        answer({"ready": True})
        while line := sys.stdin.buffer.readline():
            size = json.loads(line)
            width, height = size["width"], size["height"]
            pixels = sys.stdin.buffer.read(width * height * 3)
            image = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
            faces = model.process(image).multi_face_landmarks
            # three digits of a pixel are more than FaceMesh knows
            points = [
                [round(point.x * width, 3), round(point.y * height, 3), round(point.z * width, 3)]
                for point in (faces[0].landmark if faces else ())
            ]
            answer({"landmarks": points or None})


if __name__ == "__main__":
    main(video="--video" in sys.argv[1:])
