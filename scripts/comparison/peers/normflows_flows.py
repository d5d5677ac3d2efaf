"""normflows: its Glow example, couplings of vectors, masked autoregressive flows."""

import normflows
import torch
from normflows import flows
from normflows.distributions.base import DiagGaussian, GlowBase
from normflows.flows.base import Reverse

from comparison.peers.torch_peer import TorchPeer, dequantized

LEVELS = 3


def affine(sizes):
    columns, width = sizes["columns"], sizes["width"]
    layers = []
    for _ in range(sizes["transforms"]):
        net = normflows.nets.MLP([columns // 2, width, width, columns], init_zeros=True)
        layers += [flows.AffineCouplingBlock(net), flows.Permute(columns, mode="swap")]
    return layers


def spline(sizes):
    return [
        flows.CoupledRationalQuadraticSpline(
            sizes["columns"],
            1,
            sizes["width"],
            num_bins=sizes["bins"],
            tail_bound=sizes["bound"],
            activation=torch.nn.ReLU,
            reverse_mask=bool(i % 2),
        )
        for i in range(sizes["transforms"])
    ]


def maf(sizes):
    layers = []
    for _ in range(sizes["transforms"]):
        net = flows.MaskedAffineAutoregressive(
            sizes["columns"], sizes["width"], num_blocks=1, use_residual_blocks=False
        )
        layers += [
            Reverse(net),
            flows.Permute(sizes["columns"], mode="swap"),
        ]  # a density in one pass
    return layers


class Vectors(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        layers = {"affine": affine, "spline": spline, "maf": maf}[case.kind](case.sizes)
        self.model = normflows.NormalizingFlow(
            DiagGaussian(case.sizes["columns"], trainable=False), layers
        )
        self.optimize()

    def scores(self, x):
        return self.model.log_prob(x)

    def draws(self, count):
        return self.model.sample(count)[0]


class Glow(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        bases, merges, levels = [], [], []
        for i in range(LEVELS):
            channels, side = 3 * 2 ** (LEVELS - i), 32 // 2 ** (LEVELS - i)
            levels.append(
                [self.block(2 * channels) for _ in range(case.sizes["depth"])] + [flows.Squeeze()]
            )
            if i > 0:
                merges.append(flows.Merge())
            bases.append(GlowBase((channels if i > 0 else 2 * channels, side, side)))
        self.model = normflows.MultiscaleFlow(bases, levels, merges, class_cond=False)
        self.optimize()

    def block(self, channels):
        return flows.GlowBlock(
            channels,
            self.case.sizes["width"],
            split_mode="channel",
            scale=True,
            scale_map="sigmoid",
            use_lu=False,
            net_actnorm=False,
        )

    def loss(self, x):
        return self.model.forward_kld(dequantized(x))

    def scores(self, x):
        return self.model.log_prob(dequantized(x), None)

    def draws(self, count):
        return self.model.sample(count)[0]


def build(case, clone):
    return Glow(case) if case.is_image else Vectors(case)
