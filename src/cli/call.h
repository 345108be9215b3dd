#pragma once
#include <CLI/CLI.hpp>

#include "core/config.h"
#include "core/image.h"

namespace scoresde {

/// A recipe for the pictures of a command other than `sample`: the version, and the call that made them, as its
/// "command" and its "arguments". Left out is what has no say in a picture: where outputs go, threads, batches,
/// progress.
Json call_recipe(const CLI::App& command);

/// The recipe as a picture's text. `file` is where the picture stands in a folder of outputs, empty where the output is
/// the picture.
PngText recipe_text(Json recipe, const std::string& file = "");

/// Runs the call of a recipe again, by a process of its own that writes to a temporary folder, and returns the picture
/// in question. Nothing of the text is trusted: Error{data} names `where` and what is wrong with it, also where its
/// command is none that paints, or would write anywhere else. Error{run} where the command failed; it has said why.
Image paint_again(const Json& recipe, const std::string& where, int threads, bool quiet);

/// "scoresde decode runs/digits z.npy": for people.
std::string call_text(const Json& recipe);

}  // namespace scoresde
