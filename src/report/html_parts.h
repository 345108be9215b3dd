#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "report/html.h"

namespace scoresde {

/// The <style> content of a report.
std::string_view report_style();

/// <dl> of labels and values; nothing where there are none. `kind` is its CSS class.
std::string facts_html(const std::vector<Fact>& facts, std::string_view kind);

/// "<p class=...>text</p>", escaped; nothing for an empty text.
std::string paragraph_html(std::string_view text, std::string_view kind = "");

/// A command a reader may copy.
std::string command_html(std::string_view command);

/// A plot drawn for wide and for narrow screens, of which the style shows one.
std::string responsive_html(const std::function<std::string(int width)>& draw);

/// Pictures as a grid that wraps, or a cloud of points in a frame like `frame`'s (empty: its own). `what` begins the
/// alternative text of each: "sample", "training image".
std::string gallery_html(const Gallery& gallery, std::string_view what, const std::vector<Point>& frame = {});

/// At most `most` pictures in one row: the head of the page.
std::string strip_html(const Gallery& gallery, std::string_view what, std::size_t most);

/// One column a time, headed by t, alpha, sigma and a bar for the share of signal in the variance.
std::string time_path_html(const TimePath& path, std::string_view what);

}  // namespace scoresde
