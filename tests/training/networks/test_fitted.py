import numpy as np
import torch
from torch import nn

from training.networks import fitted
from training.views import View, whole


def module() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).eval()


def test_parts_are_the_whole_whatever_holds_the_rows():
    of, x = module(), np.random.default_rng(0).normal(size=(10, 3))
    expected = fitted.run(of, of, [x])
    assert expected.shape == (10, 4)
    for item in (x, torch.from_numpy(x), whole(x)):
        np.testing.assert_allclose(fitted.run(of, of, [item], at_once=3), expected, rtol=1e-6)


def test_windows_come_with_their_mask():
    of, values = module(), np.ones((4, 3), np.float32)
    view = View(values, np.array([[-1, -1], [-1, 0], [2, 3]]))
    counts = fitted.run(of, lambda window, y: window.mask.sum(dim=1) + y, [view, np.array([0, 0, 10])], at_once=2)
    assert counts.tolist() == [0, 1, 12]


def test_no_rows_give_no_predictions():
    assert fitted.run(module(), module(), [np.empty((0, 3))]).shape == (0, 4)


def test_weights_are_counted():
    assert fitted.count(module()) == 4 * 3 + 4 + 2 * 4


def test_a_saved_state_is_read_back(tmp_path):
    of = module()
    fitted.save_state(tmp_path, "net", of, {"width": 4}, {"edges": torch.arange(3)})
    assert sorted(f.name for f in tmp_path.iterdir()) == ["net.json", "net.safetensors"]
    tensors, state = fitted.load_state(tmp_path, "net")
    assert state == {"width": 4}
    assert tensors.pop("edges").tolist() == [0, 1, 2]
    other = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    other.load_state_dict(tensors)
    assert torch.equal(other.eval()(torch.ones(2, 3)), of(torch.ones(2, 3)))
