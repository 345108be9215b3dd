#pragma once
// The one door to LibTorch: the least that works (torch/torch.h costs 27 CPU-seconds a file, these 7).
// ivalue.h comes first: clang in C++20 mode rejects LibTorch 1.13 without it.
// clang-format off
#include <ATen/core/ivalue.h>
// clang-format on
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
