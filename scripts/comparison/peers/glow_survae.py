"""survae_flows: Glow of its bijections."""

import math
import sys
import types

import torch
from torch import nn

from comparison.peers.torch_peer import TorchPeer, import_clone, zeroed


class Survae(TorchPeer):
    def __init__(self, case):
        super().__init__(case)
        from survae.distributions import ConvNormal2d, StandardNormal
        from survae.flows import Flow
        from survae.transforms import (
            ActNormBijection2d,
            Conv1x1,
            Slice,
            Squeeze2d,
            UniformDequantization,
        )

        transforms = [UniformDequantization(num_bits=8)]
        for channels, side in ((12, 16), (24, 8), (48, 4)):
            transforms.append(Squeeze2d())
            for _ in range(case.sizes["depth"]):
                transforms += [
                    ActNormBijection2d(channels),
                    Conv1x1(channels),
                    self.coupling(channels),
                ]
            if side > 4:
                half = channels // 2
                transforms.append(Slice(StandardNormal((half, side, side)), num_keep=half))
        self.model = Flow(base_dist=ConvNormal2d((48, 4, 4)), transforms=transforms)
        self.optimize()

    def coupling(self, channels):
        from survae.nn.layers import ElementwiseParams2d
        from survae.transforms import AffineCouplingBijection

        width = self.case.sizes["width"]
        net = nn.Sequential(
            nn.Conv2d(channels // 2, width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 1),
            nn.ReLU(inplace=True),
            zeroed(nn.Conv2d(width, channels, 3, padding=1)),
            ElementwiseParams2d(2),
        )
        return AffineCouplingBijection(net, scale_fn=lambda s: torch.sigmoid(s + 2.0))

    def loss(self, x):
        return -self.model.log_prob(x).sum() / (math.log(2) * x.numel())

    def scores(self, x):
        return self.model.log_prob(x)

    def draws(self, count):
        return self.model.sample(count)


def build(case, clone):
    # A helper that saves pictures imports torchvision, which nothing here needs.
    vision = types.ModuleType("torchvision")
    vision.utils = types.ModuleType("torchvision.utils")
    sys.modules.update({"torchvision": vision, "torchvision.utils": vision.utils})
    import_clone(clone)
    return Survae(case)
