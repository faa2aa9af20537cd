// The engine's objects as rows of lists: what `ps`, `images` and `volume ls` show, and
// `system df -v` too.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <vector>

namespace wherry::cli {

enum class Truncate : bool { No, Yes };

boost::json::object container_row(const boost::json::value& container, Truncate truncate);
// One per name of the image.
std::vector<boost::json::object> image_rows(const boost::json::value& image, Truncate truncate);
// Size and Links are "N/A" where the engine was not asked for them.
boost::json::object volume_row(const boost::json::value& volume);

}  // namespace wherry::cli
