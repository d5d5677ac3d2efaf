// Scores three points with a trained flow: consumer RUN
#include <ATen/ATen.h>

#include <cstdio>

#include "inference/load_flow.h"

int main(int, char** argv) {
  try {
    auto warn = [](const std::string& warning) { std::puts(warning.c_str()); };
    diffeo::LoadedFlow loaded =
        diffeo::load_flow(argv[1], at::kFloat, diffeo::Weights::kAverage, warn);
    at::NoGradGuard no_grad;
    at::Tensor log_prob = loaded.flow->log_prob(at::zeros({3, 2}));
    std::printf("%.4f nats\n", -log_prob.mean().item<double>());
  } catch (const diffeo::Error& error) {
    std::puts(error.what());
    return static_cast<int>(error.exit());
  }
}
