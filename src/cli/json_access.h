// Reading the engine's JSON without trusting its shape: what is missing or of another type
// reads as empty.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace wherry::cli {

// The member of that name; a null value where there is none.
const boost::json::value& at(const boost::json::value& value, std::string_view name);
std::string text_at(const boost::json::value& value, std::string_view name);
std::int64_t number_at(const boost::json::value& value, std::string_view name);
bool bool_at(const boost::json::value& value, std::string_view name);
// The elements of an array; none where it is something else.
const boost::json::array& elements(const boost::json::value& value);
const boost::json::object& members(const boost::json::value& value);
std::string string_of(const boost::json::value& value);

}  // namespace wherry::cli
