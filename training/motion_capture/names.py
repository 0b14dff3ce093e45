"""Names of the features of Laban Movement Analysis, as tables have them."""

from __future__ import annotations

ACCELERATION = "_acceleration_magnitude"
MOVERS = ("l_hand", "r_hand", "l_foot", "r_foot", "neck")

FEATURES = (
    "max_hand_distance",
    "avg_l_hand_hip_distance",
    "avg_r_hand_hip_distance",
    "max_stride_length",
    "avg_l_hand_chest_distance",
    "avg_r_hand_chest_distance",
    "avg_l_elbow_hip_distance",
    "avg_r_elbow_hip_distance",
    "avg_chest_pelvis_distance",
    "avg_neck_chest_distance",
    "avg_neck_rotation_w",
    "avg_neck_rotation_x",
    "avg_neck_rotation_y",
    "avg_neck_rotation_z",
    "avg_total_body_volume",
    "avg_triangle_area_hands_neck",
    "avg_triangle_area_feet_hips",
    *(f"{mover}_speed" for mover in MOVERS),
    *(f"{mover}{ACCELERATION}" for mover in MOVERS),
)
"""The 27 features in the order of the published table."""

PLAIN = (
    *(name for name in FEATURES[:10]),
    *(f"neck_{turn}" for turn in ("yaw", "pitch", "roll")),
    *(name for name in FEATURES[14:]),
    *(f"{mover}_path_speed" for mover in MOVERS),
)
"""The 31 plain features of ``prepare motion``: lengths in body heights, angles of the neck in radians, and speeds along
the path beside net ones."""
