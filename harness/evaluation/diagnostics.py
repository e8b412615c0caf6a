"""How good pseudo-labels are, measured with truths that methods never see."""

from __future__ import annotations

import numpy as np

from harness.types import EpochPlan, SequenceLabels

FRONT_BACK_VIEWS = (0, 18, 162, 180)
"""What the paper calls front/back views on CASIA-B (section 3.2)."""


def diagnose(plan: EpochPlan, truth: SequenceLabels) -> dict[str, float]:
    """What an epoch's plan is worth; outliers are left out. All in [0,1]; 0 when nothing is clustered.

    nmi: with the subjects. purity: share of clustered sequences that belong to their cluster's most frequent subject.
    front_back_mixed: share of front/back sequences that are in a cluster with another view. clothes_joined: share of
    clusters with a coat and another condition of the same subject.
    Where SSF re-assigned sequences, reassigned_right: share of them whose new cluster is mostly their own subject's.
    Where SCF linked clusters, support_same: share of a support set's other clusters that are mostly the same subject's;
    support_clothes: share that are so and are mostly in a coat where the cluster itself is not, or the reverse.
    """
    labels = plan.labels
    member = labels >= 0
    front = np.isin(truth.view_deg, FRONT_BACK_VIEWS)
    if not member.any():
        return {"nmi": 0.0, "purity": 0.0, "front_back_mixed": 0.0, "clothes_joined": 0.0}
    # Imported here: it takes longer than the rest of the program, and few stages need it.
    from sklearn.metrics import normalized_mutual_info_score

    _, subject = np.unique(truth.subject, return_inverse=True)
    inside, clusters = labels[member], int(labels.max()) + 1
    # Only pairs of a cluster and a person that occur: a table of all pairs would grow with the square of the data.
    pair, which = np.unique(inside * (subject.max() + 1) + subject[member], return_inverse=True)
    cluster, person = np.divmod(pair, subject.max() + 1)
    count = np.bincount(which)
    most = np.lexsort((person, -count, cluster))
    most = most[np.searchsorted(cluster[most], np.arange(clusters))]
    has_other = np.bincount(inside, weights=~front[member], minlength=clusters) > 0
    mixed = front & member & has_other[np.maximum(labels, 0)]
    coat = np.char.startswith(np.char.lower(truth.condition), "cl") | (np.char.find(truth.condition, "-cl-") >= 0)
    coats = np.bincount(which, weights=coat[member])
    joined = np.bincount(cluster, weights=(coats > 0) & (coats < count), minlength=clusters) > 0
    owner, coated = person[most], np.bincount(cluster, weights=2 * coats - count, minlength=clusters) > 0
    found = {
        "nmi": float(normalized_mutual_info_score(subject[member], inside)),
        "purity": float(count[most].sum() / inside.size),
        "front_back_mixed": float(mixed.sum() / max(front.sum(), 1)),
        "clothes_joined": float(joined.mean()),
    }
    if plan.moved.size:
        found["reassigned_right"] = float((owner[labels[plan.moved]] == subject[plan.moved]).mean())
    if plan.links is not None:
        links = plan.links.cpu().numpy()
        one, place = np.nonzero((links >= 0) & (links != np.arange(clusters)[:, None]))
        other = links[one, place]
        if one.size:
            same = owner[one] == owner[other]
            found["support_same"] = float(same.mean())
            found["support_clothes"] = float((same & (coated[one] != coated[other])).mean())
    return found
