"""``python -m training``: see `training.cli`."""

import os

# Before torch or xgboost are imported. By default, threads that wait keep their core busy: two studies on one machine
# then take ten times as long as one after the other.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from training.cli import main

if __name__ == "__main__":
    main()
