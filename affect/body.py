"""The body that both halves draw: the joints of a moving figure, and which joint each hangs on."""

from __future__ import annotations


def _side(side: str) -> dict[str, str]:
    return {
        f"{side}_hip": "root",
        f"{side}_knee": f"{side}_hip",
        f"{side}_ankle": f"{side}_knee",
        f"{side}_shoulder": "chest",
        f"{side}_elbow": f"{side}_shoulder",
        f"{side}_wrist": f"{side}_elbow",
    }


PARENTS: dict[str, str] = {"root": "", "chest": "root", "neck": "chest", **_side("right"), **_side("left")}
"""Joint → the joint that it hangs on, each after its parent; the pelvis, ``root``, hangs on none."""

JOINTS: tuple[str, ...] = tuple(PARENTS)
"""The 15 joints, in the order in which figures keep them."""

BONES: tuple[tuple[str, str], ...] = tuple((parent, joint) for joint, parent in PARENTS.items() if parent)
"""The two joints of each bone, the parent first."""
