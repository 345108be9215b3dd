#pragma once
#include "net/model.h"

namespace scoresde {

/// Class probabilities, rows x classes, that a classifier model gives to samples at time t (sde.t_min(): clean ones).
/// Row i is a function of row i alone, as with NetworkScore. Error{usage} for a model that is no classifier, or x of
/// another width.
Batch class_probabilities(const Model& model, const Batch& x, double t);

}  // namespace scoresde
