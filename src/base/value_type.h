// Large structs of strings and containers: their constructors, assignments and destructor are
// kilobytes of code each, and the compiler makes them anew in every file that touches one.
// WHERRY_VALUE_TYPE declares them, WHERRY_VALUE_TYPE_MEMBERS defines them, in one .cc file.
// (Such a struct is no aggregate any more: set its members by name.)
#pragma once

#define WHERRY_VALUE_TYPE(Type)      \
  Type();                            \
  ~Type();                           \
  Type(const Type&);                 \
  Type(Type&&) noexcept;             \
  Type& operator=(const Type&);      \
  Type& operator=(Type&&) noexcept

#define WHERRY_VALUE_TYPE_MEMBERS(Type)                 \
  Type::Type() = default;                               \
  Type::~Type() = default;                              \
  Type::Type(const Type&) = default;                    \
  Type::Type(Type&&) noexcept = default;                \
  Type& Type::operator=(const Type&) = default;         \
  Type& Type::operator=(Type&&) noexcept = default
