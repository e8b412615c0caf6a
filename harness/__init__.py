"""A reproducibility benchmark harness for "Unsupervised Gait Recognition with Selective Fusion"."""

__version__ = "0.1.0"
