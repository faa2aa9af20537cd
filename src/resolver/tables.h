// The names that containers have on their networks, and who may ask for which: a container sees
// the names of the networks that it is on, and its own links. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "resolver/message.h"

namespace wherry::resolver {

// One network of a container.
struct Attachment {
  std::string network_id;
  std::string network_name;
  std::string ipv4;  // "" for none
  std::string ipv6;
  std::vector<std::string> names;  // the container's name first (PTR says it), aliases, short id

  bool operator==(const Attachment&) const = default;
};

// `--link target:alias`: a name that this container alone has for another.
struct Link {
  std::string alias;
  std::string target;

  bool operator==(const Link&) const = default;
};

// Whether questions that the tables do not know are asked of the upstream servers. No for a
// container whose networks are all internal: nothing of what it asks leaves the host.
enum class Forward : std::uint8_t { Yes, No };
// Whether the container has options ndots:n of its own: then a name without a dot is not
// forwarded, and the client goes on with its search list (docker's rule).
enum class Ndots : std::uint8_t { Ours, Given };

struct Container {
  std::string id;
  std::vector<Attachment> attachments;  // in the order in which they are asked
  std::vector<Link> links;
  std::vector<std::string> upstreams;  // addresses, asked from the host's network namespace
  Forward forward = Forward::Yes;
  Ndots ndots = Ndots::Ours;

  bool operator==(const Container&) const = default;
};

// A packet of the protocol carries a container whole.
struct Limits {
  std::size_t containers = 65536;
  std::size_t attachments = 128;
  std::size_t names = 256;  // of one attachment
  std::size_t name_bytes = 255;
  std::size_t links = 256;
  std::size_t upstreams = 3;
};
inline constexpr Limits kLimits;
// InvalidArgument for what is above the limits or no address.
Result<> check(const Container& container);

class Tables {
 public:
  // Replaces the container of that id. `container` has been checked.
  void put(Container container);
  void remove(const std::string& id);
  [[nodiscard]] const Container* find(const std::string& id) const;

  // The addresses of a name as `asker` sees it; nullopt: not ours. Several are rotated from
  // call to call. A name that has no address of the wanted family is known and empty.
  struct Found {
    std::vector<Ipv4Bytes> ipv4;
    std::vector<Ipv6Bytes> ipv6;
  };
  [[nodiscard]] std::optional<Found> look_up(const Container& asker, std::string_view name);
  // "<container>.<network>" of an address on one of the asker's networks.
  [[nodiscard]] std::optional<std::string> name_of(const Container& asker,
                                                   const Address& address) const;

 private:
  struct Record {
    std::string container;
    std::optional<Address> ipv4;
    std::optional<Address> ipv6;
  };
  struct Owner {
    std::string container;
    std::string name;  // "web.backend"
  };
  struct Network {
    std::unordered_map<std::string, std::vector<Record>> names;
    std::map<Address, Owner> reverse;
    std::uint64_t turn = 0;
  };
  void index(const Container& container);
  void unindex(const Container& container);
  [[nodiscard]] std::optional<Found> look_up_in(const std::string& network, const std::string& name);
  [[nodiscard]] std::optional<Found> look_up_on_networks(const Container& asker,
                                                         const std::string& name);

  std::unordered_map<std::string, Container> containers_;
  std::unordered_map<std::string, Network> networks_;
};

}  // namespace wherry::resolver
