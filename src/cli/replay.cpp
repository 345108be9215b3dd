#include "cli/app.h"
#include "cli/call.h"
#include "cli/draw.h"
#include "cli/guided.h"
#include "cli/outputs.h"
#include "data/image.h"

namespace scoresde {
namespace {

struct ReplayFlags {
  std::string image, run;
};

/// The recipe in a picture's text, and the text as it stands there.
struct PictureRecipe {
  Json json;
  PngText text;
};

PictureRecipe recipe_of(const std::string& path) {
  PictureRecipe recipe{{}, read_png_text(path)};
  for (const auto& [key, value] : recipe.text)
    if (key == "scoresde") recipe.json = parse_json(value);
  if (!recipe.json.is_object()) fail(Failure::data, "{} carries no recipe of scoresde", path);
  return recipe;
}

std::string text_of(const Json& recipe, const char* key) {
  return recipe.contains(key) && recipe[key].is_string() ? recipe[key].get<std::string>() : "";
}

std::string run_of(const ReplayFlags& flags, const Json& recipe) {
  return flags.run.empty() ? text_of(recipe, "run") : flags.run;
}

/// The recipe of a call with its model's run by name, and --run in its place where that is given.
Json named_run(Json recipe, const ReplayFlags& flags) {
  if (!recipe.contains("model") || !recipe["arguments"].is_array() || recipe["arguments"].empty()) return recipe;
  Json& run = recipe["arguments"].front();
  if (!flags.run.empty()) run = flags.run;
  recipe["run"] = run;
  return recipe;
}

Model model_of(const ReplayFlags& flags, const Json& recipe) {
  const std::string run = run_of(flags, recipe);
  if (run.empty() || !fs::exists(run))
    fail(Failure::data, "{}: its model{} is not here; --run names where it is", flags.image,
         run.empty() ? "" : " " + run);
  Model model = read_model(run);
  const std::string wanted = text_of(recipe, "model");
  if (model.hash != wanted)
    fail(Failure::data, "{} was made by model {}, and {} is {}: it has been trained on, or is another", flags.image,
         wanted, run, model.hash);
  return model;
}

EngineChoice engine_of(const Json& recipe, const std::string& run, const std::string& where) {
  EngineChoice engine;
  if (text_of(recipe, "engine") == "torch") engine.engine = "torch";
  engine.tuning = read_tuning(model_file(run));
  if (engine.engine != "torch" && engine.tuning.identity() != text_of(recipe, "tuning"))
    fail(Failure::data, "{} was made with another table of measured methods than {} has now", where, run);
  return engine;
}

GuidanceFlags guidance_of(const Json& recipe) {
  const auto number = [&](const char* key, auto otherwise) {
    return recipe.contains(key) && recipe[key].is_number() ? recipe[key].get<decltype(otherwise)>() : otherwise;
  };
  GuidanceFlags guidance;
  guidance.class_label = number("class", -1);
  guidance.weight = number("guidance", 1.0);
  guidance.classifier = text_of(recipe, "classifier");
  guidance.guide = text_of(recipe, "guide");
  const auto interval = recipe.find("guidance_interval");
  if (interval != recipe.end() && interval->is_array() && interval->size() == 2 && interval->front().is_number() &&
      interval->back().is_number())
    guidance.interval = {interval->front().get<double>(), interval->back().get<double>()};
  return guidance;
}

Image drawn_again(Model& model, const std::string& run, const Json& recipe, DrawPlan plan, const CommonFlags& common,
                  const std::string& where) {
  const auto sde = make_sde(model.spec.sde);
  if (const std::string from = text_of(recipe, "from"); !from.empty()) plan.from = row_of_picture(from, model.spec);
  if (recipe.contains("sample") && !model.spec.shape.image)
    fail(Failure::data, "{}: its recipe is of one sample of a table", where);
  const ChosenScore score(model, engine_of(recipe, run, where), guidance_of(recipe), thread_count(common));
  Batch rows(static_cast<Index>(plan.ids.size()), model.spec.shape.size());
  Index filled = 0;
  draw(*sde, score.get(), plan, common.quiet, [&](const DrawnBatch& batch) {
    rows.middleRows(filled, batch.samples.x.rows()) = batch.samples.x;
    filled += batch.samples.x.rows();
  });
  return recipe.contains("sample") ? batch_to_images(rows, model.spec.shape).front()
                                   : picture_of_samples(rows, model.spec.shape);
}

/// The picture made again, and how, for people.
struct Replayed {
  Image image;
  std::string how;
};

Replayed sampled_again(const ReplayFlags& flags, const Json& recipe, const CommonFlags& common) {
  const DrawPlan plan = plan_of_recipe(recipe, flags.image);
  Model model = model_of(flags, recipe);
  catch_interrupts();
  return {drawn_again(model, run_of(flags, recipe), recipe, plan, common, flags.image),
          fmt::format("{}, {} by {}",
                      plan.ids.size() == 1 ? fmt::format("sample {}", plan.ids[0])
                                           : counted(static_cast<long long>(plan.ids.size()), "sample"),
                      plan.nfe > 0 ? fmt::format("{} NFE", plan.nfe) : "its own steps", plan.solver)};
}

Replayed called_again(const ReplayFlags& flags, const Json& given, const CommonFlags& common) {
  const Json recipe = named_run(given, flags);
  if (recipe.contains("model")) model_of(flags, recipe);
  catch_interrupts();  // the call hears Ctrl-C too; this process then removes the temporary folder
  return {paint_again(recipe, flags.image, thread_count(common), common.quiet), call_text(recipe)};
}

void replay_picture(const ReplayFlags& flags, const CommonFlags& common) {
  const PictureRecipe recipe = recipe_of(flags.image);
  const auto [again, how] = recipe.json.contains("command") ? called_again(flags, recipe.json, common)
                                                            : sampled_again(flags, recipe.json, common);
  const bool bytes = encode_png(again, recipe.text) == read_bytes(flags.image);
  const Image given = read_image(flags.image);
  const bool pixels = again.width == given.width && again.height == given.height && again.channels == given.channels &&
                      again.pixels == given.pixels;
  const std::string version = recipe.json.contains("scoresde") ? shown(recipe.json["scoresde"]) : "?";
  if (common.json)
    print_json({{"image", flags.image}, {"bytes_agree", bytes}, {"pixels_agree", pixels}, {"recipe", recipe.json}});
  else if (bytes)
    fmt::print("{}: drawn again, byte for byte: {}\n", flags.image, how);
  if (bytes) return;
  fail(Failure::run, "{}: {} (made by version {}, this is {})", flags.image,
       pixels ? "the pixels agree, but the file's bytes differ: another PNG library, or text was added"
              : "drawn again it is another picture",
       version, SCORESDE_VERSION);
}

}  // namespace

void add_replay(CLI::App& app, CommonFlags& common) {
  static ReplayFlags flags;
  CLI::App* command =
      add_command(app, common, "replay", "Draw a picture again by its recipe, and say whether the bytes agree.",
                  "scoresde replay samples/000007.png");
  command->add_option("image", flags.image, "a PNG that this program wrote")->required();
  command->add_option("--run", flags.run, "where the model is; default: where it was");
  command->callback([&common] { replay_picture(flags, common); });
}

}  // namespace scoresde
