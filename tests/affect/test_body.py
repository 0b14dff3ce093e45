from affect import body
from training.motion_capture import humanoid


def test_every_joint_stands_behind_the_joint_that_it_hangs_on():
    for joint, parent in body.PARENTS.items():
        assert not parent or body.JOINTS.index(parent) < body.JOINTS.index(joint)
    assert len(body.BONES) == len(body.JOINTS) - 1


def test_the_left_side_is_the_right_side_in_a_mirror():
    mirrored = {a.replace("right", "left"): b.replace("right", "left") for a, b in body.PARENTS.items() if "right" in a}
    assert mirrored == {a: b for a, b in body.PARENTS.items() if "left" in a}


def test_the_humanoid_has_a_link_for_each_joint_in_the_same_order():
    assert [(link.name, link.parent) for link in humanoid.LINKS] == list(body.PARENTS.items())
