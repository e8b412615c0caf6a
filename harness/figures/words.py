"""The figures in words: their captions, and what stands instead of them for those who do not see them."""

ABOUT = {
    "figure3": "Figure 3. Cloth augmentation: one silhouette, normal and in a coat, as its six types change it.",
    "figure5": "Figure 5. The baseline with one parameter moved at a time: rank-1 on NM, BG and CL, range over seeds. "
    "A chart of one point has the suite's own value alone: the others have not run.",
    "figure6": "Figure 6. t-SNE of one subject and of several, CC beside SF. Ring: front/back; text: pseudo-label, "
    "once for each among several subjects (pictures drawn before commit 56e7b80 have none there).",
    "figure7": "Figure 7. Grad-CAM on pairs of one person that SF's pseudo-labels put together, and apart "
    "(pictures drawn before commit 071a102 show the middle frame of a sequence, where nothing may add).",
    "polar": "Rank-1 by probe view for each condition, mean over seeds.",
    "epochs": "Pseudo-labels epoch by epoch: their number, quality, front/back views, and the curriculum bound.",
    "cost": "Minutes of training of each method's own stage with the suite's first backbone and data set, without its "
    "parents', since the run was last begun; other work beside it counts too.",
}

INSTEAD = {
    "figure3": "Rows of small silhouettes of one walker, a row for each condition: first as it is, then as each of the "
    "six types of cloth augmentation changes it.",
    "figure5": "Four charts, for s_up, n, tau and m, each with a line for NM, BG and CL over the parameter's values, "
    "and bars from the worst to the best seed.",
    "figure6": "Scatter plots in two columns, CC and SF: one subject's sequences above, several subjects' below, and "
    "under them a strip of silhouettes, one of each pseudo-label in turn. The titles count pseudo-labels and outliers; "
    "those of all subjects are in the table of pseudo-labels.",
    "figure7": "A row for each pair: two silhouettes of one person, each with a heat map beside it of what adds to "
    "their likeness; the cosine of their embeddings stands at the left.",
    "polar": "A half circle for each of NM, BG and CL, with a line for each method: rank-1 as the radius, the probe's "
    "view from 0 to 180 degrees as the angle. The tables with a column for each view have the numbers.",
    "epochs": "Ten charts over the epochs, with a line for each method that clusters. The table of pseudo-labels has "
    "the last epoch's numbers.",
    "cost": "A bar for each method, as long as the median of its runs' minutes, with their range. The table of "
    "training time has the minutes in numbers.",
}
