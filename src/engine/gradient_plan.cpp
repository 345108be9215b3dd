#include "engine/gradient_plan.h"

#include <algorithm>

#include "engine/gradient_compiler.h"

namespace scoresde {

GradientPlan GradientCompiler::compile() {
  study();
  for (int i = 0; i < count(); ++i) forward(i);
  ++now_;
  touch(home(output()));
  turn_ = now_++;
  Slope& last = facts(output()).slope;
  last = {new_spot(output()), 1, true};
  d_output_ = last.spot;
  touch(d_output_);
  for (int i = count(); i-- > 0;) backward(i);
  if (wanted_.of_x && facts(0).slope.known()) unscaled(0);
  ++now_;
  if (facts(0).slope.known()) touch(facts(0).slope.spot);
  finish();
  return std::move(plan_);
}

void GradientCompiler::finish() {
  memory_.arrange();
  const auto memory = std::make_shared<const MemoryLayout>(memory_);
  const Places places = [memory](const Spot& s) {
    return Place{false, memory->offset(s.piece), s.channel, s.stride, s.rows, s.channels};
  };
  const auto emit = [&](const std::vector<Record>& records, std::vector<GradientPlan::Step>& steps) {
    for (const Record& record : records)
      steps.push_back({[places, make = record.make](const Weights& weights) { return make(places, weights); },
                       record.weighted,
                       {}});
  };
  emit(forward_, plan_.forward);
  emit(backward_, plan_.backward);
  plan_.input = places(home(0));
  plan_.output = places(home(output()));
  if (label_.piece >= 0) plan_.label = places(label_);
  if (class_label_.piece >= 0) plan_.class_label = places(class_label_);
  plan_.d_output = places(d_output_);
  if (wanted_.of_x && facts(0).slope.known()) plan_.d_input = places(facts(0).slope.spot);
  for (GradientPlan::Mask& mask : plan_.masks) mask.place = places(facts(mask.node).mask);
  plan_.floats_a_sample = memory_.floats();
}

void GradientPlan::set_weights(const Weights& weights) {
  for (std::vector<Step>* steps : {&forward, &backward})
    for (Step& step : *steps)
      if (step.weighted || !step.kernel) step.kernel = step.make(weights);
}

Size GradientPlan::scratch(Size samples) const {
  Size most = 0;
  for (const std::vector<Step>* steps : {&forward, &backward})
    for (const Step& step : *steps) most = std::max(most, step.kernel->scratch(samples));
  return most;
}

GradientPlan compile_gradient(const Graph& graph, Derivatives wanted) {
  return GradientCompiler(graph, wanted).compile();
}

}  // namespace scoresde
