// Transfers by their number. Numbers grow by one, so the lowest bits find the place almost always.
// Owns the transfers. Not safe between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "http/transfer.h"

namespace stepwell::http {

class TransferTable {
 public:
  TransferTable() : places_(kSmallest) {}

  void insert(std::unique_ptr<Transfer> transfer) {
    if (++size_ > places_.size() / 2) grow();
    auto& place = places_[index(transfer->id)];
    if (!place)
      place = std::move(transfer);
    else
      displaced_.insert_or_assign(transfer->id, std::move(transfer));
  }

  // nullptr where there is none of that number (any more).
  Transfer* find(std::uint64_t id) const {
    const auto& place = places_[index(id)];
    if (place && place->id == id) return place.get();
    if (displaced_.empty()) return nullptr;
    const auto found = displaced_.find(id);
    return found == displaced_.end() ? nullptr : found->second.get();
  }

  std::unique_ptr<Transfer> extract(const Transfer& transfer) {
    --size_;
    auto& place = places_[index(transfer.id)];
    if (place.get() == &transfer) return std::move(place);
    const auto found = displaced_.find(transfer.id);
    auto taken = std::move(found->second);
    displaced_.erase(found);
    return taken;
  }

  std::size_t size() const { return size_; }
  std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> out;
    for (const auto& place : places_)
      if (place) out.push_back(place->id);
    for (const auto& [id, transfer] : displaced_) out.push_back(id);
    return out;
  }

 private:
  static constexpr std::size_t kSmallest = 1024;  // a power of two
  std::size_t index(std::uint64_t id) const { return id & (places_.size() - 1); }

  void grow() {
    std::vector<std::unique_ptr<Transfer>> old(places_.size() * 2);
    old.swap(places_);
    for (auto& transfer : old) {
      if (!transfer) continue;
      places_[index(transfer->id)] = std::move(transfer);  // two old places never share a new one
    }
  }

  std::vector<std::unique_ptr<Transfer>> places_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Transfer>> displaced_;
  std::size_t size_ = 0;
};

}  // namespace stepwell::http
