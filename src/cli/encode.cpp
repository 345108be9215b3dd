#include <algorithm>

#include "cli/call.h"
#include "cli/model_flow.h"
#include "cli/outputs.h"
#include "data/gif.h"
#include "data/image.h"
#include "data/npy.h"

namespace scoresde {
namespace {

struct EncodeFlags : FlowFlags {
  // At 1e-5, enough for a likelihood, a mixture came back to 4e-4 on sub-vp; at 1e-6 to 3e-5 on every SDE.
  EncodeFlags() { flow.tolerance = 1e-6; }

  std::string data, second, latents, out;
  std::size_t n = 0;
  int frames = 16;
  double temperature = 1;
};

void report_carried(const EncodeFlags& flags, const CarriedRows& carried, const CommonFlags& common) {
  const Index count = carried.rows.rows();
  if (common.json)
    print_json({{"out", flags.out},
                {"items", count},
                {"nfe", carried.mean_nfe},
                {"seconds", carried.seconds},
                {"failures", carried.failures}});
  else
    fmt::print("{}: {}, {:.1f} NFE an item, {}\n", flags.out, counted(count, "item"), carried.mean_nfe,
               duration_text(carried.seconds));
  require_no_failures(carried.failures, count);
}

void encode_items(const CLI::App& command, EncodeFlags& flags, const CommonFlags& common) {
  check_flow_flags(command, flags);
  require_free(flags.out, common.force);
  catch_interrupts();
  FlowModel model(flags);
  const Dataset data = load_for_model(flags.data, model.model.spec);
  const Batch rows = data.rows(flags.n == 0 ? data.count : flags.n);
  require_finite(rows, flags.data);
  model.load(flags, common);
  const CarriedRows carried = carry_rows(model, rows, true, flags, common.quiet);
  write_npy(flags.out, to_tensor(carried.rows));
  report_carried(flags, carried, common);
}

// Rows of any rank-2 array, or an array with a picture's axes.
Batch read_latents(const std::string& path, const ModelSpec& spec) {
  Tensor array = read_npy(path);
  if (array.shape.size() > 2) {
    const std::int64_t count = array.shape.front();
    array.shape = {count, count > 0 ? array.size() / count : 0};
  }
  const Batch rows = to_batch(array, path);
  if (rows.rows() == 0) fail(Failure::data, "{}: there are no latents", path);
  if (rows.cols() != spec.shape.size())
    fail(Failure::data, "{}: latents of {} values, but the model's have {}", path, rows.cols(), spec.shape.size());
  require_finite(rows, path);
  return rows;
}

std::vector<std::uint64_t> row_numbers(Index count) {
  std::vector<std::uint64_t> numbers;
  for (Index k = 0; k < count; ++k) numbers.push_back(static_cast<std::uint64_t>(k));
  return numbers;
}

std::unique_ptr<SampleSink> sink_of(const CLI::App& command, const EncodeFlags& flags, const FlowModel& model,
                                    Index count, bool force) {
  Json recipe = call_recipe(command);
  recipe["model"] = model.model.hash;
  return open_sink(flags.out, model.model.spec, recipe, flags.class_label, static_cast<std::size_t>(count), force);
}

void decode_latents(const CLI::App& command, EncodeFlags& flags, const CommonFlags& common) {
  check_flow_flags(command, flags);
  catch_interrupts();
  FlowModel model(flags);
  const Batch z = read_latents(flags.latents, model.model.spec);
  const auto sink = sink_of(command, flags, model, z.rows(), common.force);
  model.load(flags, common);
  const CarriedRows carried = carry_rows(model, flags.temperature * z, false, flags, common.quiet);
  sink->add(row_numbers(z.rows()), carried.rows);
  sink->finish();
  report_carried(flags, carried, common);
}

// "picture.png", or "DATA:17" for an item of a data set.
Batch end_point(const std::string& text, const ModelSpec& spec) {
  const std::size_t colon = text.rfind(':');
  long long index = 0;
  if (colon != std::string::npos && colon > 0 && parse_number(std::string_view(text).substr(colon + 1), index)) {
    const std::string name = text.substr(0, colon);
    const Dataset data = load_for_model(name, spec);
    if (index < 0 || static_cast<std::size_t>(index) >= data.count)
      fail(Failure::usage, "{}: there are items 0 to {}", text, data.count - 1);
    const auto item = static_cast<std::uint32_t>(index);
    return data.batch({&item, 1});
  }
  if (!spec.shape.image || (fs::path(text).extension() != ".png" && fs::path(text).extension() != ".jpg" &&
                            fs::path(text).extension() != ".jpeg"))
    fail(Failure::usage, "{} is not {}an item of a data set, such as digits:17", text,
         spec.shape.image ? "a .png or .jpg file or " : "");
  const Image image = read_image(text);
  const ItemShape shape{image.channels, image.height, image.width, true};
  if (!(shape == spec.shape))
    fail(Failure::data, "{}: a picture of {}, but the model is of {}", text, to_text(shape), to_text(spec.shape));
  return image_to_row(image);
}

void interpolate_latents(const CLI::App& command, EncodeFlags& flags, const CommonFlags& common) {
  check_flow_flags(command, flags);
  catch_interrupts();
  FlowModel model(flags);
  const ModelSpec& spec = model.model.spec;
  const bool animated = fs::path(flags.out).extension() == ".gif";
  if (animated && !spec.shape.image)
    fail(Failure::usage, "--out {}: rows of a table make no animation; use .csv or .npy", flags.out);
  if (animated) require_free(flags.out, common.force);
  Batch ends(2, spec.shape.size());
  ends << end_point(flags.data, spec), end_point(flags.second, spec);
  require_finite(ends, "the ends of the interpolation");
  const auto sink = animated ? nullptr : sink_of(command, flags, model, flags.frames, common.force);
  model.load(flags, common);
  const CarriedRows latents = carry_rows(model, ends, true, flags, common.quiet);
  require_no_failures(latents.failures, 2);
  const Batch path = spherical(latents.rows.topRows(1), latents.rows.bottomRows(1), flags.frames);
  const CarriedRows frames = carry_rows(model, flags.temperature * path, false, flags, common.quiet);
  if (animated) {
    write_gif(flags.out, batch_to_images(frames.rows, spec.shape), 12);
  } else {
    sink->add(row_numbers(flags.frames), frames.rows);
    sink->finish();
  }
  report_carried(flags, frames, common);
}

void add_temperature(CLI::App& command, EncodeFlags& flags) {
  command.add_option("--temperature", flags.temperature, "scales the latents: below 1 nearer to the typical")
      ->check(within(0.0, 100.0))
      ->capture_default_str();
}

}  // namespace

void add_encode(CLI::App& app, CommonFlags& common) {
  static EncodeFlags flags;
  CLI::App* command = add_command(app, common, "encode", "Latents of data: where the probability flow carries them.",
                                  "scoresde encode runs/fashion fashion-mnist#test --out z.npy -n 100");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("data", flags.data, "what to encode: see `scoresde list data`, or a path")->required();
  command->add_option("--out", flags.out, "a .npy of one row an item; N(0, I) where the model is right")
      ->required()
      ->check(ends_in(".npy"));
  command->add_option("-n", flags.n, "the first n items; 0: all")->check(within(0, 1e9))->capture_default_str();
  add_flow_flags(*command, flags);
  command->add_flag("--force", common.force, "overwrite what stands at --out");
  command->callback([command, &common] { encode_items(*command, flags, common); });
}

void add_decode(CLI::App& app, CommonFlags& common) {
  static EncodeFlags flags;
  CLI::App* command = add_command(app, common, "decode", "Data of latents: the probability flow backwards.",
                                  "scoresde decode runs/fashion z.npy --out decoded.png --temperature 0.8");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("latents", flags.latents, "a .npy of one latent a row, as `encode` writes it")
      ->required()
      ->check(ends_in(".npy"));
  command->add_option("--out", flags.out, "a folder of PNGs, a .png grid, .npz, .npy or .csv")->required();
  add_temperature(*command, flags);
  add_flow_flags(*command, flags);
  command->add_flag("--force", common.force, "overwrite what stands at --out");
  command->callback([command, &common] { decode_latents(*command, flags, common); });
}

void add_interpolate(CLI::App& app, CommonFlags& common) {
  static EncodeFlags flags;
  CLI::App* command =
      add_command(app, common, "interpolate", "A path of data between two items, spherical in the latents.",
                  "scoresde interpolate runs/fashion fashion-mnist#test:0 shirt.png --out path.gif --frames 16");
  command->add_option("run", flags.run, "a run folder or a .safetensors file")->required();
  command->add_option("a", flags.data, "where it begins: a picture, or DATA:17 for item 17 of a data set")->required();
  command->add_option("b", flags.second, "where it ends")->required();
  command->add_option("--out", flags.out, "a .gif, a folder of PNGs, a .png grid, .npz, .npy or .csv")->required();
  command->add_option("--frames", flags.frames, "how many, both ends included")
      ->check(within(2, 100000))
      ->capture_default_str();
  add_temperature(*command, flags);
  add_flow_flags(*command, flags);
  command->add_flag("--force", common.force, "overwrite what stands at --out");
  command->callback([command, &common] { interpolate_latents(*command, flags, common); });
}

}  // namespace scoresde
