"""nflows: couplings with its networks, MADEs with plain layers."""

from nflows.distributions import StandardNormal
from nflows.flows import Flow
from nflows.nn.nets import MLP, ResidualNet
from nflows.transforms import (
    AffineCouplingTransform,
    CompositeTransform,
    MaskedAffineAutoregressiveTransform,
    PiecewiseRationalQuadraticCouplingTransform,
    ReversePermutation,
)

from comparison.peers.torch_peer import TorchPeer


class PlainNet(MLP):
    def forward(self, inputs, context=None):  # couplings call it with a context
        return super().forward(inputs)


def halves(sizes, index):
    """The mask of a coupling that changes the second half and the first by turns."""
    columns = sizes["columns"]
    return [int((i < columns // 2) == bool(index % 2)) for i in range(columns)]


def affine(sizes):
    width = sizes["width"]
    return [
        AffineCouplingTransform(halves(sizes, i), lambda a, b: PlainNet([a], [b], [width, width]))
        for i in range(sizes["transforms"])
    ]


def spline(sizes):
    def net(inputs, outputs):
        return ResidualNet(inputs, outputs, hidden_features=sizes["width"], num_blocks=1)

    return [
        PiecewiseRationalQuadraticCouplingTransform(
            halves(sizes, i), net, num_bins=sizes["bins"], tails="linear", tail_bound=sizes["bound"]
        )
        for i in range(sizes["transforms"])
    ]


def maf(sizes):
    layers = []
    for _ in range(sizes["transforms"]):
        layers += [
            MaskedAffineAutoregressiveTransform(
                sizes["columns"], sizes["width"], num_blocks=1, use_residual_blocks=False
            ),
            ReversePermutation(sizes["columns"]),
        ]
    return layers


class Nflows(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        layers = {"affine": affine, "spline": spline, "maf": maf}[case.kind](case.sizes)
        self.model = Flow(CompositeTransform(layers), StandardNormal([case.sizes["columns"]]))
        self.optimize()

    def scores(self, x):
        return self.model.log_prob(x)

    def draws(self, count):
        return self.model.sample(count)


def build(case, clone):
    return Nflows(case)
