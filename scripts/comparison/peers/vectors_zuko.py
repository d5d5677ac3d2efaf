"""zuko: its RealNVP and MAF, and NSF's splines in couplings."""

import torch
import zuko
from zuko.flows import Flow, GeneralCouplingTransform, UnconditionalDistribution
from zuko.transforms import MonotonicRQSTransform

from comparison.peers.torch_peer import TorchPeer


def affine(sizes):
    width = sizes["width"]
    return zuko.flows.RealNVP(
        sizes["columns"], transforms=sizes["transforms"], hidden_features=[width, width]
    )


def spline(sizes):
    columns, bins, width = sizes["columns"], sizes["bins"], sizes["width"]
    layers = [
        GeneralCouplingTransform(
            columns,
            mask=(torch.arange(columns) < columns // 2) == bool(i % 2),
            univariate=lambda *numbers: MonotonicRQSTransform(*numbers, bound=sizes["bound"]),
            shapes=[(bins,), (bins,), (bins - 1,)],
            hidden_features=[width] * 3,
        )
        for i in range(sizes["transforms"])
    ]
    base = UnconditionalDistribution(
        zuko.distributions.DiagNormal, torch.zeros(columns), torch.ones(columns), buffer=True
    )
    return Flow(layers, base)


def maf(sizes):
    width = sizes["width"]
    return zuko.flows.MAF(
        sizes["columns"], transforms=sizes["transforms"], hidden_features=[width, width]
    )


class Zuko(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        self.model = {"affine": affine, "spline": spline, "maf": maf}[case.kind](case.sizes)
        self.optimize()

    def scores(self, x):
        return self.model().log_prob(x)

    def draws(self, count):
        return self.model().sample((count,))


def build(case, clone):
    return Zuko(case)
