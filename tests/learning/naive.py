"""Slow, obviously right losses: one label after the other."""

import numpy as np


def softmax(values):
    powers = np.exp(values - np.max(values))
    return powers / powers.sum()


def crowdlayer_loss(logits, weight, bias, labels):
    """Mean of -log chance over labels (annotator, label, row of the batch); weight as in CrowdLayer."""
    lost = []
    for annotator, label, row in labels:
        p = softmax(logits[row])
        layer = weight[annotator]
        said = [sum(p[t] * layer[t, g] for t in range(len(p))) if layer.ndim == 2 else p[g] * layer[g] for g in range(len(p))]
        lost.append(-np.log(softmax(np.array(said) + (0 if bias is None else bias[annotator]))[label]))
    return np.mean(lost)


def conal_loss(logits, features, learned, labels, scale):
    """Mean of -log chance over labels, less scale times the distances of own confusions from the shared one."""
    lost = []
    for annotator, label, row in labels:
        p = softmax(logits[row])
        hidden = features[row].ravel() @ learned["first"] + learned["first_bias"]
        v = hidden @ learned["second"] + learned["second_bias"]
        u = learned["annotator"][annotator]
        w = 1 / (1 + np.exp(-(v / np.linalg.norm(v)) @ (u / np.linalg.norm(u))))
        mixed = w * learned["shared"] + (1 - w) * learned["own"][annotator]
        lost.append(-np.log(softmax(p @ mixed)[label]))
    apart = sum(np.sqrt(((own - learned["shared"]) ** 2).sum()) for own in learned["own"])
    return np.mean(lost) - scale * apart


def posterior(labels, pred_probs, confusion):
    """(N, K) network times the chance of each label, one example after the other."""
    joint = pred_probs.copy()
    for i, j, g in zip(labels.example, labels.annotator, labels.label, strict=True):
        joint[i] *= confusion[j, :, g]
    return joint / joint.sum(axis=1, keepdims=True)
