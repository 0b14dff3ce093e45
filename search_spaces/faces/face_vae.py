"""The search space of faces/face_vae."""

from __future__ import annotations

from search_spaces.faces import _network

DEFAULTS = _network.DEFAULTS
TINY = _network.TINY
suggest = _network.suggest
