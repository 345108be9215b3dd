#include "exchange/torch_write.h"

#include <bit>

#include "core/error.h"
#include "core/zip.h"
#include "exchange/document.h"

namespace scoresde {
namespace {

std::string_view storage_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return "DoubleStorage";
    case Dtype::f32:
      return "FloatStorage";
    case Dtype::f16:
      return "HalfStorage";
    case Dtype::bf16:
      return "BFloat16Storage";
    case Dtype::i64:
      return "LongStorage";
    case Dtype::i32:
      return "IntStorage";
    case Dtype::i16:
      return "ShortStorage";
    case Dtype::i8:
      return "CharStorage";
    case Dtype::u8:
      return "ByteStorage";
    case Dtype::boolean:
      return "BoolStorage";
  }
  fail(Failure::run, "a number format that PyTorch has not");
}

// Pickle, protocol 2; every tensor gets a storage of its own.
class PickleWriter {
 public:
  PickleWriter() { put("\x80\x02"); }

  void text(std::string_view value) {
    put("X");
    number(value.size(), 4);
    out_ += value;
  }

  void integer(std::int64_t value) {
    put("\x8a\x08");
    number(static_cast<std::uint64_t>(value), 8);
  }

  void real(double value) {
    put("G");
    const auto bits = std::bit_cast<std::uint64_t>(value);
    for (int shift = 56; shift >= 0; shift -= 8) out_ += static_cast<char>(bits >> shift & 0xff);
  }

  void begin_table() { put("}("); }
  void begin_ordered_table() { put("ccollections\nOrderedDict\n)R("); }
  void end_table() { put("u"); }
  void begin_list() { put("]("); }
  void end_list() { put("e"); }

  void tensor(const Tensor& tensor) {
    put("ctorch._utils\n_rebuild_tensor_v2\n((");
    text("storage");
    out_ += "ctorch\n" + std::string(storage_type(tensor.dtype)) + "\n";
    text(std::to_string(storages_.size()));
    text("cpu");
    integer(tensor.size());
    put("tQ");
    integer(0);
    extents(tensor.shape);
    extents(contiguous_strides(tensor.shape));
    put("\x89");
    put("ccollections\nOrderedDict\n)RtR");
    storages_.push_back(&tensor);
  }

  std::vector<std::uint8_t> archive() {
    put(".");
    const auto file = [](const std::string& name, std::string_view content) {
      return ZipEntry{"archive/" + name, {content.begin(), content.end()}};
    };
    std::vector<ZipEntry> files = {file("data.pkl", out_), file("byteorder", "little")};
    for (std::size_t k = 0; k < storages_.size(); ++k)
      files.push_back({"archive/data/" + std::to_string(k), storages_[k]->bytes});
    files.push_back(file("version", "3\n"));
    return zip_bytes(files, false);
  }

 private:
  void put(std::string_view bytes) { out_ += bytes; }

  void number(std::uint64_t value, int width) {
    for (int k = 0; k < width; ++k) out_ += static_cast<char>(value >> (8 * k) & 0xff);
  }

  void extents(const std::vector<std::int64_t>& values) {
    put("(");
    for (const std::int64_t value : values) integer(value);
    put("t");
  }

  std::string out_;
  std::vector<const Tensor*> storages_;
};

}  // namespace

std::vector<std::uint8_t> torch_checkpoint_bytes(const TorchCheckpoint& checkpoint) {
  PickleWriter writer;
  writer.begin_table();
  writer.text("model");
  writer.begin_ordered_table();
  for (const auto& [name, tensor] : checkpoint.model) {
    writer.text(name);
    writer.tensor(*tensor);
  }
  writer.end_table();
  writer.text("ema");
  writer.begin_table();
  writer.text("decay");
  writer.real(checkpoint.decay);
  writer.text("num_updates");
  writer.integer(checkpoint.updates);
  writer.text("shadow_params");
  writer.begin_list();
  for (const Tensor* tensor : checkpoint.average) writer.tensor(*tensor);
  writer.end_list();
  writer.end_table();
  writer.text("step");
  writer.integer(checkpoint.step);
  writer.text("scoresde");
  writer.text(checkpoint.spec);
  writer.end_table();
  return writer.archive();
}

}  // namespace scoresde
