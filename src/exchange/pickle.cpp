#include "exchange/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <unordered_map>

#include "core/config.h"

namespace scoresde {
namespace {

// Enough for the largest published networks a hundred times over; each may cost some hundred bytes.
constexpr std::size_t most_values = 1'000'000;
constexpr std::size_t most_axes = 8, longest_key = 256;

// The names of pickletools.
enum Opcode : std::uint8_t {
  op_mark = '(',
  op_stop = '.',
  op_pop = '0',
  op_pop_mark = '1',
  op_dup = '2',
  op_binfloat = 'G',
  op_binint = 'J',
  op_binint1 = 'K',
  op_binint2 = 'M',
  op_none = 'N',
  op_binpersid = 'Q',
  op_reduce = 'R',
  op_binstring = 'T',
  op_short_binstring = 'U',
  op_binunicode = 'X',
  op_append = 'a',
  op_build = 'b',
  op_global = 'c',
  op_dict = 'd',
  op_appends = 'e',
  op_binget = 'h',
  op_long_binget = 'j',
  op_list = 'l',
  op_binput = 'q',
  op_long_binput = 'r',
  op_setitem = 's',
  op_tuple = 't',
  op_setitems = 'u',
  op_empty_tuple = ')',
  op_empty_list = ']',
  op_empty_dict = '}',
  op_binbytes = 'B',
  op_short_binbytes = 'C',
  op_proto = 0x80,
  op_newobj = 0x81,
  op_tuple1 = 0x85,
  op_tuple2 = 0x86,
  op_tuple3 = 0x87,
  op_newtrue = 0x88,
  op_newfalse = 0x89,
  op_long1 = 0x8a,
  op_long4 = 0x8b,
  op_short_binunicode = 0x8c,
  op_binunicode8 = 0x8d,
  op_binbytes8 = 0x8e,
  op_empty_set = 0x8f,
  op_additems = 0x90,
  op_stack_global = 0x93,
  op_memoize = 0x94,
  op_frame = 0x95,
};

struct StorageType {
  std::string_view name;
  Dtype dtype;
};
constexpr StorageType storage_types[] = {
    {"torch.FloatStorage", Dtype::f32},    {"torch.DoubleStorage", Dtype::f64},    {"torch.HalfStorage", Dtype::f16},
    {"torch.LongStorage", Dtype::i64},     {"torch.BFloat16Storage", Dtype::bf16}, {"torch.IntStorage", Dtype::i32},
    {"torch.ShortStorage", Dtype::i16},    {"torch.CharStorage", Dtype::i8},       {"torch.ByteStorage", Dtype::u8},
    {"torch.BoolStorage", Dtype::boolean},
};

constexpr std::string_view ordered_dict = "collections.OrderedDict", rebuild_tensor = "torch._utils._rebuild_tensor",
                           rebuild_tensor_v2 = "torch._utils._rebuild_tensor_v2",
                           rebuild_parameter = "torch._utils._rebuild_parameter",
                           rebuild_parameter_with_state = "torch._utils._rebuild_parameter_with_state",
                           torch_size = "torch.Size";
constexpr std::string_view known_functions[] = {
    ordered_dict, rebuild_tensor, rebuild_tensor_v2, rebuild_parameter, rebuild_parameter_with_state, torch_size};

class PickleMachine {
  using Id = Document::Id;

 public:
  PickleMachine(std::span<const std::uint8_t> bytes, const std::string& where) : bytes_(bytes), where_(where) {}

  Unpickled run() {
    while (!stopped_) step();
    result_.document.root = pop();
    result_.end = at_;
    return std::move(result_);
  }

 private:
  template <class... Args>
  [[noreturn]] void bad(fmt::format_string<Args...> format, Args&&... args) const {
    fail(Failure::data, "{}: the pickle {} (byte {})", where_, fmt::format(format, std::forward<Args>(args)...), at_);
  }

  std::span<const std::uint8_t> take(std::uint64_t n) {
    if (n > bytes_.size() - at_)
      bad("is truncated: {} more bytes are announced than there are", n - (bytes_.size() - at_));
    const auto part = bytes_.subspan(at_, n);
    at_ += n;
    return part;
  }

  std::uint64_t number(int width) {
    std::uint64_t value = 0;
    const auto part = take(static_cast<std::uint64_t>(width));
    for (int k = width; k-- > 0;) value = value << 8 | part[static_cast<std::size_t>(k)];
    return value;
  }

  std::string text(std::uint64_t n) {
    const auto part = take(n);
    return {part.begin(), part.end()};
  }

  std::string line() {
    const auto rest = bytes_.subspan(at_);
    const auto end = std::find(rest.begin(), rest.end(), '\n');
    if (end == rest.end()) bad("is truncated inside a name");
    const std::string result(rest.begin(), end);
    at_ += result.size() + 1;
    return result;
  }

  void push(Id id) {
    if (stack_.size() >= most_values) bad("needs a stack of more than {} values", most_values);
    stack_.push_back(id);
  }

  void push_new(Document::Value value) { push(create(std::move(value))); }

  Id create(Document::Value value) {
    if (result_.document.size() >= most_values) bad("holds more than {} values", most_values);
    return result_.document.add(std::move(value));
  }

  Id pop() {
    if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) bad("takes from an empty stack");
    const Id id = stack_.back();
    stack_.pop_back();
    return id;
  }

  Id top() {
    const Id id = pop();
    stack_.push_back(id);
    return id;
  }

  void pop_value_or_mark() {
    if (!marks_.empty() && marks_.back() == stack_.size())
      marks_.pop_back();
    else
      pop();
  }

  // What lies above the last mark.
  std::vector<Id> pop_marked() {
    if (marks_.empty()) bad("ends a group that was never begun");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<Id> items(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return items;
  }

  std::vector<Id> pop_some(std::size_t n) {
    std::vector<Id> items(n);
    for (std::size_t k = n; k-- > 0;) items[k] = pop();
    return items;
  }

  void remember(std::uint64_t slot) {
    if (memo_.size() >= most_values) bad("remembers more than {} values", most_values);
    memo_[slot] = top();
  }

  void recall(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) bad("recalls value {}, which it has not stored", slot);
    push(found->second);
  }

  template <class T>
  const T& expect(Id id, const char* what) const {
    const T* value = result_.document.get<T>(id);
    if (!value) bad("has something else where {} has to be", what);
    return *value;
  }

  template <class T>
  T& container(const char* what) {
    auto* value = std::get_if<T>(&result_.document.at(top()));
    if (!value) bad("adds to something that is no {}", what);
    return *value;
  }

  void append(const std::vector<Id>& items) {
    auto& list = container<Document::List>("list").items;
    list.insert(list.end(), items.begin(), items.end());
  }

  void set_items(const std::vector<Id>& items) { add_pairs(container<Document::Table>("table"), items); }

  void add_pairs(Document::Table& table, const std::vector<Id>& items) {
    if (items.size() % 2 != 0) bad("has a key without a value");
    for (std::size_t k = 0; k < items.size(); k += 2) table.items.emplace_back(items[k], items[k + 1]);
  }

  void push_dict() {
    const std::vector<Id> items = pop_marked();
    Document::Table table;
    add_pairs(table, items);
    push_new(std::move(table));
  }

  void push_integer(std::uint64_t width) {
    const auto part = take(width);
    if (width > 8) {
      if (width > longest_key) bad("has an integer of {} bytes", width);
      return push_new(Document::Name{long_integer_name(part)});
    }
    std::uint64_t value = width > 0 && part.back() & 0x80 ? ~std::uint64_t{0} : 0;
    for (std::size_t k = width; k-- > 0;) value = value << 8 | part[k];
    push_new(static_cast<std::int64_t>(value));
  }

  void push_double() {
    const auto part = take(8);
    std::uint64_t bits = 0;
    for (const std::uint8_t byte : part) bits = bits << 8 | byte;
    push_new(std::bit_cast<double>(bits));
  }

  // Python 2 called the module of its own types __builtin__ and OrderedDict's `collections` as well.
  void push_global(const std::string& module, const std::string& name) {
    const std::string full = module + "." + name;
    const bool function =
        std::find(std::begin(known_functions), std::end(known_functions), full) != std::end(known_functions);
    const bool storage = std::any_of(std::begin(storage_types), std::end(storage_types),
                                     [&](const StorageType& type) { return type.name == full; });
    if (!function && !storage)
      bad("asks for {}; only tensors, their storages and OrderedDict are read, and nothing is ever run: save the "
          "weights alone, as torch.save(model.state_dict(), ...)",
          shown(full.substr(0, longest_key)));
    push_new(Document::Name{full});
  }

  void push_stack_global() {
    const Id name = pop(), module = pop();
    push_global(expect<std::string>(module, "a module's name"), expect<std::string>(name, "a name"));
  }

  void reduce() {
    const Id arguments = pop(), function = pop();
    const std::string& name = expect<Document::Name>(function, "a function").text;
    const std::vector<Id>& args = expect<Document::List>(arguments, "a list of arguments").items;
    if (name == ordered_dict)
      push_new(ordered(args));
    else if (name == rebuild_tensor_v2 || name == rebuild_tensor)
      push_array(args);
    else if ((name == rebuild_parameter || name == rebuild_parameter_with_state) && !args.empty())
      push(args[0]);
    else if (name == torch_size && args.size() == 1)
      push(args[0]);
    else
      bad("calls {} with {} arguments", name, args.size());
  }

  // OrderedDict() or OrderedDict([[key, value], ...]). The pairs are copied, and a file of some bytes could ask for the
  // same copy again and again, so that they count as values.
  Document::Value ordered(const std::vector<Id>& args) {
    Document::Table table;
    if (args.empty()) return table;
    const auto& pairs = expect<Document::List>(args[0], "a list of pairs").items;
    copied_ += pairs.size();
    if (copied_ > most_values) bad("copies more than {} values", most_values);
    for (const Id pair : pairs) {
      const auto& items = expect<Document::List>(pair, "a pair").items;
      if (items.size() != 2) bad("has {} values where a key and a value have to be", items.size());
      table.items.emplace_back(items[0], items[1]);
    }
    return table;
  }

  std::vector<std::int64_t> extents(Id id, const char* what) const {
    std::vector<std::int64_t> result;
    const auto& items = expect<Document::List>(id, what).items;
    if (items.size() > most_axes) bad("has an array of {} axes", items.size());
    for (const Id item : items) {
      result.push_back(expect<std::int64_t>(item, what));
      if (result.back() < 0) bad("has {} where {} has to be", result.back(), what);
    }
    return result;
  }

  // _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks)
  void push_array(const std::vector<Id>& args) {
    if (args.size() < 4) bad("has a tensor of {} parts", args.size());
    const auto storage = expect<Document::Storage>(args[0], "a storage");
    ArrayView view{storage.dtype, extents(args[2], "a shape"), extents(args[3], "strides"), 0, {}};
    const std::int64_t offset = expect<std::int64_t>(args[1], "an offset");
    if (view.shape.size() != view.strides.size() || offset < 0)
      bad("has a tensor with {} extents, {} strides and the offset {}", view.shape.size(), view.strides.size(), offset);
    require_inside(view, static_cast<std::uint64_t>(offset), storage.count);
    view.offset = storage.first + static_cast<std::uint64_t>(offset);
    const Id id = create(std::move(view));
    result_.arrays.emplace_back(id, storage.index);
    push(id);
  }

  // A tensor of more elements than its storage (broadcast by strides of 0) is no parameter of a network, and would let
  // a small file make large arrays.
  void require_inside(const ArrayView& view, std::uint64_t offset, std::uint64_t count) const {
    constexpr std::uint64_t most = std::uint64_t{1} << 44;
    std::uint64_t elements = 1, last = offset;
    bool empty = false, fits = offset < most;
    for (std::size_t axis = 0; fits && axis < view.shape.size(); ++axis) {
      const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(1, view.shape[axis])),
                 stride = static_cast<std::uint64_t>(view.strides[axis]);
      empty = empty || view.shape[axis] == 0;
      fits = extent <= most / elements && (extent == 1 || stride <= most / (extent - 1));
      if (!fits) break;
      elements *= extent;
      if (extent > 1) last += (extent - 1) * stride;
    }
    if (!fits || (!empty && (elements > count || last >= count)))
      bad("has a tensor of shape {}, strides {} and offset {} in a storage of {} elements", shape_text(view.shape),
          shape_text(view.strides), offset, count);
  }

  // ("storage", type, key, place, elements), and in old files what part of it: None or (key, first, count).
  void push_storage() {
    const Id id = pop();
    const auto& parts = expect<Document::List>(id, "a storage").items;
    if (parts.size() < 5 || expect<std::string>(parts[0], "the word storage") != "storage")
      bad("refers to something that is no storage");
    const std::string& type = expect<Document::Name>(parts[1], "a storage's type").text;
    const auto* row = std::find_if(std::begin(storage_types), std::end(storage_types),
                                   [&](const StorageType& candidate) { return candidate.name == type; });
    if (row == std::end(storage_types)) bad("has a storage of the type {}", type);
    const std::string& key = expect<std::string>(parts[2], "a storage's key");
    const std::int64_t elements = expect<std::int64_t>(parts[4], "a storage's size");
    constexpr std::int64_t most = std::int64_t{1} << 44;
    if (key.size() > longest_key || elements < 0 || elements > most)
      bad("has a storage of {} elements with a key of {} characters", elements, key.size());
    Document::Storage storage{storage_index(key, row->dtype, static_cast<std::uint64_t>(elements)), row->dtype, 0,
                              static_cast<std::uint64_t>(elements)};
    if (parts.size() > 5 && !result_.document.get<Document::None>(parts[5])) narrow(storage, parts[5]);
    push_new(storage);
  }

  void narrow(Document::Storage& storage, Id view) const {
    const auto& parts = expect<Document::List>(view, "a part of a storage").items;
    if (parts.size() != 3) bad("has a part of a storage with {} values", parts.size());
    const std::int64_t first = expect<std::int64_t>(parts[1], "the first element of a part"),
                       count = expect<std::int64_t>(parts[2], "the size of a part");
    const auto all = static_cast<std::int64_t>(storage.count);
    if (first < 0 || count < 0 || first > all || count > all - first)
      bad("has a part of {} elements from {} of a storage of {}", count, first, all);
    storage.first = static_cast<std::uint64_t>(first);
    storage.count = static_cast<std::uint64_t>(count);
  }

  std::size_t storage_index(const std::string& key, Dtype dtype, std::uint64_t elements) {
    const auto [place, fresh] = storage_of_key_.emplace(key, result_.storages.size());
    if (fresh) result_.storages.push_back({key, dtype, elements});
    const PickledStorage& known = result_.storages[place->second];
    if (known.dtype != dtype || known.elements != elements) bad("describes the storage {} in two ways", shown(key));
    return place->second;
  }

  void check_protocol(std::uint64_t protocol) const {
    if (protocol < 2 || protocol > 5) bad("is of protocol {}; 2 to 5 are read", protocol);
  }

  // The attributes of an OrderedDict (a state_dict's version numbers) are of no use here.
  void build() {
    pop();
    if (!result_.document.get<Document::Table>(top())) bad("gives attributes to something that is no OrderedDict");
  }

  void step() {
    const auto opcode = static_cast<std::uint8_t>(number(1));
    switch (opcode) {
      case op_proto:
        return check_protocol(number(1));
      case op_frame:
        return static_cast<void>(number(8));
      case op_stop:
        stopped_ = true;
        return;
      case op_mark:
        if (marks_.size() >= most_values) bad("begins more than {} groups", most_values);
        return marks_.push_back(stack_.size());
      case op_pop:
        return pop_value_or_mark();
      case op_pop_mark:
        return static_cast<void>(pop_marked());
      case op_dup:
        return push(top());
      case op_none:
        return push_new(Document::None{});
      case op_newtrue:
        return push_new(true);
      case op_newfalse:
        return push_new(false);
      case op_binint:
        return push_integer(4);
      case op_binint1:
        return push_new(static_cast<std::int64_t>(number(1)));
      case op_binint2:
        return push_new(static_cast<std::int64_t>(number(2)));
      case op_long1:
        return push_integer(number(1));
      case op_long4:
        return push_integer(number(4));
      case op_binfloat:
        return push_double();
      case op_short_binstring:
      case op_short_binbytes:
      case op_short_binunicode:
        return push_new(text(number(1)));
      case op_binstring:
      case op_binbytes:
      case op_binunicode:
        return push_new(text(number(4)));
      case op_binunicode8:
      case op_binbytes8:
        return push_new(text(number(8)));
      default:
        return step_container(opcode);
    }
  }

  void step_container(std::uint8_t opcode) {
    switch (opcode) {
      case op_empty_list:
      case op_empty_tuple:
      case op_empty_set:
        return push_new(Document::List{});
      case op_empty_dict:
        return push_new(Document::Table{});
      case op_tuple:
      case op_list:
        return push_new(Document::List{pop_marked()});
      case op_tuple1:
      case op_tuple2:
      case op_tuple3:
        return push_new(Document::List{pop_some(static_cast<std::size_t>(opcode - op_tuple1 + 1))});
      case op_dict:
        return push_dict();
      case op_append:
        return append({pop()});
      case op_appends:
      case op_additems:
        return append(pop_marked());
      case op_setitem:
        return set_items(pop_some(2));
      case op_setitems:
        return set_items(pop_marked());
      case op_binput:
        return remember(number(1));
      case op_long_binput:
        return remember(number(4));
      case op_memoize:
        return remember(memo_.size());
      case op_binget:
        return recall(number(1));
      case op_long_binget:
        return recall(number(4));
      case op_global: {
        const std::string module = line();
        return push_global(module, line());
      }
      case op_stack_global:
        return push_stack_global();
      case op_reduce:
      case op_newobj:
        return reduce();
      case op_build:
        return build();
      case op_binpersid:
        return push_storage();
      default:
        bad("has the instruction {:#04x}, which checkpoints of PyTorch do not use", opcode);
    }
  }

  std::span<const std::uint8_t> bytes_;
  const std::string& where_;
  std::size_t at_ = 0, copied_ = 0;
  bool stopped_ = false;
  std::vector<Id> stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint64_t, Id> memo_;
  std::map<std::string, std::size_t> storage_of_key_;
  Unpickled result_;
};

}  // namespace

Unpickled read_pickle(std::span<const std::uint8_t> bytes, const std::string& where) {
  return PickleMachine(bytes, where).run();
}

std::string long_integer_name(std::span<const std::uint8_t> little_endian) {
  std::string name = "integer ";
  for (const std::uint8_t byte : little_endian) name += fmt::format("{:02x}", byte);
  return name;
}

}  // namespace scoresde
