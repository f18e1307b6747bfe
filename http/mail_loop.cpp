// The way of a mail through the loop, once its connection stands: its session moves whenever the
// socket does, and ends with an answer, a problem, or its time.
#include <algorithm>

#include "http/classify.h"
#include "http/loop.h"

namespace stepwell::http {
namespace {

std::chrono::microseconds time_between(SteadyTime from, SteadyTime to) {
  return std::max(std::chrono::duration_cast<std::chrono::microseconds>(to - from),
                  std::chrono::microseconds(0));
}

}  // namespace

void Loop::begin_mail(Transfer& transfer) {
  if (Status begun = transfer.handle->begin_mail(); !begun) {
    give_up(transfer, std::move(begun.error()));
    return;
  }
  mail_moves(transfer);
}

void Loop::mail_moves(Transfer& transfer) {
  Handle& handle = *transfer.handle;
  MailSession& mail = *handle.mail();
  mail.go_on(surroundings_.now);
  if (!mail.ended()) {
    handle.home().lane().watch_mail(handle);
    return;
  }
  if (Problem* problem = mail.problem(); problem != nullptr) {
    give_up(transfer, std::move(*problem));
    return;
  }
  // Its bytes are no secret, and a connection that is reset at its end looks like a failure.
  if (mail.quit()) surroundings_.owners.erase(handle.socket());
  mail_answered(transfer, MailAnswer(mail.answer()));
}

void Loop::mail_answered(Transfer& transfer, MailAnswer&& answer) {
  Response& response = transfer.response;
  response.status = answer.code;
  response.timings.queued = time_between(transfer.submitted, transfer.started);
  response.timings.connected = time_between(transfer.started, transfer.connected);
  response.timings.first_byte = time_between(transfer.started, transfer.first_byte_at);
  response.timings.total = time_between(transfer.started, surroundings_.now);
  const Sent sent = transfer.sent();
  telemetry_.mail_ended(&answer);
  response.mail = std::make_shared<const MailAnswer>(std::move(answer));
  reset_unfinished(transfer);
  take_off_handle(transfer);
  complete(transfer, Outcome{std::move(response), sent});
}

void Loop::check_mail_times(Transfer& transfer) {
  const Request& request = transfer.request();
  const MailSession& mail = *transfer.handle->mail();
  // Each answer has its time, and so has each piece that the server is to take.
  const bool writes = mail.wants_write();
  const SteadyTime limit = mail.moved() + (writes ? Milliseconds(request.limits.low_speed_time)
                                                  : request.timeouts.first_byte);
  if (surroundings_.now >= limit) {
    const Late which = writes ? Late::low_speed : Late::first_byte;
    give_up(transfer, too_late(which, transfer.target(), request));
    return;
  }
  deadlines_.arm(transfer, std::min(limit, request.timeouts.total.at()));
}

}  // namespace stepwell::http
