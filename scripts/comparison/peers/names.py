"""In which module each peer stands; its build(case, clone) makes one."""

MODULES = {
    "nflows": "vectors_nflows",
    "normflows": "normflows_flows",
    "zuko": "vectors_zuko",
    "flowjax": "vectors_flowjax",
    "distrax": "vectors_distrax",
    "survae_flows": "glow_survae",
    "y0ast": "glow_y0ast",
    "rosinality": "glow_rosinality",
    "real-nvp": "chrischute",
    "flowplusplus": "chrischute",
}
