#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/safetensors.h"

namespace scoresde {

/// An array inside a checkpoint, still in the file's bytes: element (i, j, ...) is number
/// offset + i strides[0] + j strides[1] + ... of its storage. Readers have checked that all of these lie inside.
struct ArrayView {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape, strides;
  std::uint64_t offset = 0;
  std::span<const std::uint8_t> storage;

  std::int64_t size() const;  ///< number of elements

  /// The elements in row-major order.
  Tensor copy() const;
};

/// Row-major strides of a shape.
std::vector<std::int64_t> contiguous_strides(std::span<const std::int64_t> shape);

/// What a checkpoint file holds, whoever wrote it: values that are lists, tables and arrays of each other. Nodes are
/// indices, because a pickle may share them or make them contain themselves; nothing is owned twice, and whoever walks
/// a document bounds the depth and the number of nodes it visits.
class Document {
 public:
  using Id = std::uint32_t;
  struct None {};
  struct List {  ///< list, tuple or set
    std::vector<Id> items;
  };
  struct Table {  ///< dict, in the order of insertion
    std::vector<std::pair<Id, Id>> items;
  };
  struct Name {  ///< a Python class or function that a reader knows: a word, nothing that could be called
    std::string text;
  };
  struct Storage {  ///< elements [first, first + count) of a reader's storage `index`
    std::size_t index;
    Dtype dtype;
    std::uint64_t first, count;
  };
  using Value = std::variant<None, bool, std::int64_t, double, std::string, List, Table, ArrayView, Name, Storage>;

  Id add(Value value);
  const Value& operator[](Id id) const { return values_[id]; }
  Value& at(Id id) { return values_[id]; }
  std::size_t size() const { return values_.size(); }

  Id root = 0;

  template <class T>
  const T* get(Id id) const {
    return std::get_if<T>(&values_[id]);
  }

  /// The value of a table's text key, or nothing: also where `id` is no table. The last one where a key is repeated.
  std::optional<Id> find(Id id, std::string_view key) const;

  /// The keys that are texts, for messages.
  std::vector<std::string> keys(Id id) const;

 private:
  std::vector<Value> values_;
};

/// An array with the name it has in a state_dict.
struct NamedArray {
  std::string name;
  ArrayView array;
};

/// All arrays below `id` in order, their keys joined by '.'; a list's keys are its indices. Other values are passed
/// over. Error{data} where tables are nested deeper than 32 or hold more than a million values (`where` names the
/// file).
std::vector<NamedArray> named_arrays(const Document& document, Document::Id id, const std::string& where);

}  // namespace scoresde
