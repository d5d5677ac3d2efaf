"""What is measured: the cases, each a model that Diffeo and its peers build, and the peers."""

import dataclasses

# Numbers of a program in a case. The first three are examples a second; memory is the peak of the
# training process in MB, start the seconds from its beginning to the end of the first step.
MODES = ("train", "sample", "evaluate", "memory", "start")
LESS_IS_BETTER = ("memory", "start")


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    kind: str  # which builder of a peer makes the model: glow, realnvp, flowpp, affine, spline, maf
    batch: int
    config: str  # a shipped configuration, or one of models/
    overrides: tuple
    peers: tuple
    sizes: dict  # what the peers' builders read

    @property
    def is_image(self):
        return self.kind in ("glow", "realnvp", "flowpp")

    @property
    def shape(self):
        return (3, 32, 32) if self.is_image else (self.sizes["columns"],)


ADAM = "optimizer={kind: adam, form: pytorch, learning_rate: 1e-3}"
# Without the warm-up the larger Glows diverge on random bytes, here and elsewhere.
WARM_ADAM = ADAM[:-1] + ", schedule: {kind: constant, warmup_steps: 1000}}"


def glow(name, depth, width, batch):
    overrides = (f"flow.**.times={depth}", f"flow.**.hidden={width}", WARM_ADAM)
    peers = ("normflows", "survae_flows", "y0ast", "rosinality")
    return Case(
        name,
        "glow",
        batch,
        "photos32/glow_small",
        overrides,
        peers,
        {"depth": depth, "width": width},
    )


def vectors(name, kind, peers, **sizes):
    overrides = (f"flow.**.hidden={sizes['width']}", f"data.shape=[{sizes['columns']}]", ADAM)
    return Case(name, kind, 512, kind, overrides, peers, sizes)


COUPLING_PEERS = ("distrax", "flowjax", "nflows", "normflows", "zuko")

CASES = {
    case.name: case
    for case in (
        glow("glow-S", depth=8, width=128, batch=16),
        glow("glow-M", depth=16, width=256, batch=16),
        glow("glow-paper", depth=32, width=512, batch=8),
        Case(
            "realnvp-S",
            "realnvp",
            16,
            "photos32/realnvp_small",
            ("flow.**.blocks=4",),
            ("real-nvp",),
            {"width": 32, "blocks": 4},
        ),
        Case(
            "flowpp-S",
            "flowpp",
            8,
            "flowpp",
            (),
            ("flowplusplus",),
            {"width": 32, "blocks": 4, "components": 8},
        ),
        vectors("2d", "affine", COUPLING_PEERS, columns=2, width=64, transforms=8),
        vectors("tabular", "affine", COUPLING_PEERS, columns=6, width=128, transforms=8),
        vectors(
            "nsf", "spline", COUPLING_PEERS, columns=6, width=128, transforms=8, bins=8, bound=3
        ),
        vectors(
            "maf",
            "maf",
            ("flowjax", "nflows", "normflows", "zuko"),
            columns=6,
            width=100,
            transforms=5,
        ),
    )
}


@dataclasses.dataclass(frozen=True)
class Peer:
    environment: str  # torch or jax
    packages: tuple  # from the package index
    clone: str = ""  # or where the user gets it


PEERS = {
    "normflows": Peer("torch", ("normflows==1.7.3",)),
    "nflows": Peer("torch", ("nflows==0.14",)),
    "zuko": Peer("torch", ("zuko==1.6.0",)),
    "flowjax": Peer("jax", ("flowjax==19.1.2",)),
    "distrax": Peer("jax", ("distrax==0.1.9", "dm-haiku", "optax")),
    "survae_flows": Peer("torch", (), "github.com/didriknielsen/survae_flows"),
    "y0ast": Peer("torch", (), "github.com/y0ast/Glow-PyTorch"),
    "rosinality": Peer("torch", (), "github.com/rosinality/glow-pytorch"),
    "real-nvp": Peer("torch", (), "github.com/chrischute/real-nvp"),
    "flowplusplus": Peer("torch", (), "github.com/chrischute/flowplusplus"),
}
