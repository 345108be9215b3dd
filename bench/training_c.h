#pragma once

// A training step for bench/peers.py, as `scoresde train` takes it; a library of its own because it opens LibTorch (the
// one that PyTorch has opened).
extern "C" {

struct BenchTraining;

/// config: settings of a run as JSON over the preset's (which may be ""); the data are made up. Null: it could not be
/// made, and stderr says why.
BenchTraining* bench_training(const char* preset, const char* config, const int* shape, int threads);
/// Items, noise, forward and backward pass, clipping, Adam and the moving average; the loss.
double bench_training_step(BenchTraining* training);
void bench_training_close(BenchTraining* training);
}
