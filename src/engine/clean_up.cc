#include "engine/core.h"
#include "engine/engine.h"
#include "engine/lifecycle.h"
#include "engine/open.h"

namespace wherry::engine {

Result<> clean_up(Core& core) {
  for (const ContainerPtr& container : core.containers->all()) {
    const std::string name = container->record().id.str();
    TRY(remove_container(core, container, {.force = true, .volumes = true}, name));
  }
  core.workers.drain();
  // The event thread starts a keeper that is gone anew: it ends first.
  core.stopping = true;
  if (core.keeper_events.joinable()) core.keeper_events.join();
  TRY_AS("end the keeper", core.keeper->shutdown());
  core.resolver->stop();
  return core.networks->remove_everything();
}

}  // namespace wherry::engine
