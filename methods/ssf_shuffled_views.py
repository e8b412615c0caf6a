"""Control: SSF with the true view labels dealt out at random among the sequences."""

from __future__ import annotations

from methods.ssf_true_views import TrueViewsSSF


class ShuffledViewsSSF(TrueViewsSSF):
    mix = True


METHOD = ShuffledViewsSSF
