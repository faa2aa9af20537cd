#include "resolver/answer.h"

namespace wherry::resolver {
namespace {

std::optional<Answers> answers_of(Tables& tables, const Container& asker, const Query& query) {
  if (query.question_class != kClassIn) return std::nullopt;
  Answers answers{.ttl_s = kNameTtl_s};
  if (query.type == static_cast<std::uint16_t>(Type::Ptr)) {
    const auto address = reverse_address(query.name);
    const auto name = address ? tables.name_of(asker, *address) : std::nullopt;
    if (!name) return std::nullopt;
    answers.pointer = *name;
    return answers;
  }
  auto found = tables.look_up(asker, query.name);
  if (!found) return std::nullopt;
  if (query.type == static_cast<std::uint16_t>(Type::A)) answers.ipv4 = std::move(found->ipv4);
  if (query.type == static_cast<std::uint16_t>(Type::Aaaa)) answers.ipv6 = std::move(found->ipv6);
  return answers;
}

bool asks_for_address(const Query& query) {
  return query.type == static_cast<std::uint16_t>(Type::A) ||
         query.type == static_cast<std::uint16_t>(Type::Aaaa);
}

}  // namespace

std::optional<std::string> answer_locally(Tables& tables, const Container& asker,
                                          std::string_view packet, const Query& query,
                                          std::size_t limit) {
  if (const auto answers = answers_of(tables, asker, query))
    return make_answer(packet, query, *answers, limit);
  if (asker.forward == Forward::No || asker.upstreams.empty())
    return make_answer(packet, query, {.rcode = Rcode::ServFail}, limit);
  const bool has_dot = query.name.find('.') != std::string::npos;
  if (asker.ndots == Ndots::Given && asks_for_address(query) && !has_dot)
    return make_answer(packet, query, {}, limit);
  return std::nullopt;
}

}  // namespace wherry::resolver
