// What systemd is told (sd_notify(3)); does nothing where there is no systemd. Callable from any
// thread.
#pragma once

#include <string>

namespace stepwell::daemon {

void notify_ready(const std::string& status);
void notify_reloading();
void notify_stopping();
void notify_watchdog();

}  // namespace stepwell::daemon
