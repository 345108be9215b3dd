#include "exchange/document.h"

#include <cstring>

#include "core/error.h"

namespace scoresde {
namespace {

constexpr int most_depth = 32;
constexpr std::size_t most_visits = 1'000'000, longest_name = 1000;

class ArrayWalk {
 public:
  ArrayWalk(const Document& document, const std::string& where) : document_(document), where_(where) {}

  void visit(Document::Id id, const std::string& name, int depth) {
    if (depth > most_depth) fail(Failure::data, "{}: tables are nested deeper than {}", where_, most_depth);
    if (++visits_ > most_visits) fail(Failure::data, "{}: more than {} values", where_, most_visits);
    if (name.size() > longest_name) fail(Failure::data, "{}: a name has {} characters", where_, name.size());
    const std::string prefix = name.empty() ? "" : name + ".";
    if (const auto* array = document_.get<ArrayView>(id)) {
      found.push_back({name, *array});
    } else if (const auto* list = document_.get<Document::List>(id)) {
      for (std::size_t i = 0; i < list->items.size(); ++i) visit(list->items[i], prefix + std::to_string(i), depth + 1);
    } else if (const auto* table = document_.get<Document::Table>(id)) {
      for (const auto& [key, value] : table->items) visit(value, prefix + key_text(key), depth + 1);
    }
  }

  std::vector<NamedArray> found;

 private:
  std::string key_text(Document::Id key) const {
    if (const auto* text = document_.get<std::string>(key)) return *text;
    if (const auto* number = document_.get<std::int64_t>(key)) return std::to_string(*number);
    return "?";
  }

  const Document& document_;
  const std::string& where_;
  std::size_t visits_ = 0;
};

// Copies the innermost rows one by one; `at` and `first` run over elements.
void copy_elements(const ArrayView& view, std::size_t axis, std::uint64_t first, std::size_t width,
                   std::uint8_t*& out) {
  if (axis == view.shape.size()) {
    std::memcpy(out, view.storage.data() + first * width, width);
    out += width;
    return;
  }
  const auto extent = static_cast<std::uint64_t>(view.shape[axis]),
             stride = static_cast<std::uint64_t>(view.strides[axis]);
  if (axis + 1 == view.shape.size() && stride == 1) {
    std::memcpy(out, view.storage.data() + first * width, extent * width);
    out += extent * width;
    return;
  }
  for (std::uint64_t i = 0; i < extent; ++i) copy_elements(view, axis + 1, first + i * stride, width, out);
}

}  // namespace

std::int64_t ArrayView::size() const {
  std::int64_t n = 1;
  for (const std::int64_t extent : shape) n *= extent;
  return n;
}

Tensor ArrayView::copy() const {
  Tensor tensor{dtype, shape, {}};
  const std::size_t width = dtype_size(dtype), bytes = static_cast<std::size_t>(size()) * width;
  if (bytes == 0) return tensor;
  if (strides == contiguous_strides(shape)) {
    const auto part = storage.subspan(offset * width, bytes);
    tensor.bytes.assign(part.begin(), part.end());
    return tensor;
  }
  tensor.bytes.resize(bytes);
  std::uint8_t* out = tensor.bytes.data();
  copy_elements(*this, 0, offset, width, out);
  return tensor;
}

std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t axis = shape.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * shape[axis];
  return strides;
}

Document::Id Document::add(Value value) {
  values_.push_back(std::move(value));
  return static_cast<Id>(values_.size() - 1);
}

std::optional<Document::Id> Document::find(Id id, std::string_view key) const {
  const auto* table = get<Table>(id);
  if (!table) return std::nullopt;
  for (auto item = table->items.rbegin(); item != table->items.rend(); ++item)
    if (const auto* text = get<std::string>(item->first); text && *text == key) return item->second;
  return std::nullopt;
}

std::vector<std::string> Document::keys(Id id) const {
  std::vector<std::string> result;
  if (const auto* table = get<Table>(id))
    for (const auto& [key, value] : table->items)
      if (const auto* text = get<std::string>(key)) result.push_back(*text);
  return result;
}

std::vector<NamedArray> named_arrays(const Document& document, Document::Id id, const std::string& where) {
  ArrayWalk walk(document, where);
  walk.visit(id, "", 0);
  return std::move(walk.found);
}

}  // namespace scoresde
