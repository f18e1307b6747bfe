#include "store/file_store.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "store/file_name.h"

namespace stepwell::store {

namespace {

using engine::FileInfo;

constexpr std::size_t kIdBytes = 16;
constexpr std::size_t kBite = 500;
constexpr std::size_t kSeedBytes = 16;  // 32 as digits, as a key has

std::string new_name(Entropy& entropy) {
  std::array<std::byte, kIdBytes> bytes{};
  entropy.fill(bytes);
  return base32_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

Problem file_too_large(std::uint64_t most) {
  return client_error(413, "body-too-large",
                      "a file may have at most " + std::to_string(most) + " bytes (files.maxSize)");
}

Problem files_full(std::uint64_t most) {
  Problem problem = make_problem(
      ErrorKind::runtime, "files-full",
      "all files together may take " + std::to_string(most) + " bytes (files.maxTotal)");
  problem.status = 507;
  return problem;
}

Problem type_refused(const std::string& type) {
  return client_error(415, "file-type-refused",
                      "files of the type " + type + " are not taken here (files.types)");
}

// A request that is sent again gives what it gave before, if it asks for the same.
Result<FileInfo> the_same(const FileInfo& before, const FileInfo& now) {
  if (before.sha256 == now.sha256 && before.name == now.name && before.media_type == now.media_type)
    return before;
  return fail(
      client_error(422, "idempotency-key-reused",
                   "the Idempotency-Key was used before, for another file; take a new one"));
}

}  // namespace

class FileStore::Writer final : public engine::FileWriter {
 public:
  Writer(FileStore& store, FileInfo info, std::uint64_t most, std::unique_ptr<FileDraft> draft)
      : store_(store), info_(std::move(info)), most_(most), draft_(std::move(draft)) {}
  ~Writer() override { store_.used_ -= reserved_; }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  Status write(std::string_view bytes) override {
    if (bytes.size() > most_ - draft_->size()) return fail(file_too_large(most_));
    if (Status room = store_.reserve(bytes.size()); !room) return room;
    reserved_ += bytes.size();
    return draft_->write(bytes);
  }

  // What was reserved is either the content's from then on, or free: finish() counts a new content
  // by itself.
  Result<FileInfo> finish() override { return store_.finish(*draft_, info_); }

 private:
  FileStore& store_;
  const FileInfo info_;
  const std::uint64_t most_;
  const std::unique_ptr<FileDraft> draft_;
  std::uint64_t reserved_ = 0;
};

FileStore::FileStore(FileContents contents, FileRows writer, FileRows reader, FileOptions options,
                     Secret seed, const Surroundings& surroundings)
    : contents_(std::move(contents)),
      options_(std::move(options)),
      seed_(std::move(seed)),
      surroundings_(surroundings),
      files_(surroundings.metrics.gauge("stepwell_files", "Files that clients have handed in.")),
      bytes_(surroundings.metrics.gauge("stepwell_files_size_bytes",
                                        "What their contents take on the disk, each once.")),
      writer_(std::move(writer)),
      reader_(std::move(reader)) {}

Result<std::unique_ptr<FileStore>> FileStore::open(const std::string& directory,
                                                   FileOptions options,
                                                   const Surroundings& surroundings) {
  const std::string path = directory + "/files.db";
  Result<FileRows> writer = FileRows::open(path);
  if (!writer) return fail(std::move(writer).error());
  Result<FileRows> reader = FileRows::open_again(path);
  if (!reader) return fail(std::move(reader).error());
  Result<FileContents> contents = FileContents::open(directory + "/files");
  if (!contents) return fail(std::move(contents).error());
  std::optional<Problem> unreadable;
  const std::size_t leftovers = contents->remove_unknown([&](const std::string& hash) {
    const Result<bool> known = writer->has_content(hash);
    if (!known) unreadable = known.error();
    return !known || *known;
  });
  if (unreadable) return fail(*std::move(unreadable));
  if (leftovers > 0)
    surroundings.log.info("files that were not finished are removed", {{"files", leftovers}});
  const Result<FileRows::Sums> sums = writer->sums();
  if (!sums) return fail(sums.error());
  Result<std::string> seed = writer->seed(surroundings.entropy.hex(kSeedBytes));
  if (!seed) return fail(std::move(seed).error());
  std::unique_ptr<FileStore> store(new FileStore(*std::move(contents), *std::move(writer),
                                                 *std::move(reader), std::move(options),
                                                 Secret::take(*std::move(seed)), surroundings));
  store->used_ = sums->bytes;
  store->stored_ = sums->bytes;
  store->count_ = sums->files;
  store->renew_gauges();
  return store;
}

// Nobody else can tell which id a text stands for. Half of the hash is told, so that nobody goes on
// with it.
std::string FileStore::derived(const std::string& once) const {
  Sha256 hash;
  hash.add(seed_.reveal());
  hash.add(once);
  return hash.finish().substr(0, kIdBytes);
}

Status FileStore::reserve(std::uint64_t bytes) {
  const std::uint64_t before = used_.fetch_add(bytes);
  if (before + bytes <= options_.max_total.count) return {};
  used_ -= bytes;
  return fail(files_full(options_.max_total.count));
}

Result<std::unique_ptr<engine::FileWriter>> FileStore::create(FileInfo info, Bytes most) {
  info.name = clean_file_name(info.name);
  info.media_type = clean_media_type(info.media_type);
  if (!media_type_allowed(options_.types, info.media_type))
    return fail(type_refused(info.media_type));
  const std::string name = new_name(surroundings_.entropy);
  info.id = "f_" + (info.once.empty() ? name : base32_of(derived(info.once)));
  Result<std::unique_ptr<FileDraft>> draft = contents_.begin(name);
  if (!draft) return fail(std::move(draft).error());
  return std::unique_ptr<engine::FileWriter>(
      std::make_unique<Writer>(*this, std::move(info), most.count, *std::move(draft)));
}

Result<FileInfo> FileStore::finish(FileDraft& draft, FileInfo info) {
  info.size = draft.size();
  info.created = surroundings_.clock.now();
  Result<std::string> hash = draft.sync();
  if (!hash) return fail(std::move(hash).error());
  info.sha256 = *std::move(hash);
  const std::scoped_lock lock(write_mutex_);
  if (!info.once.empty()) {
    const Result<std::optional<FileInfo>> before = writer_.find(info.id);
    if (!before) return fail(before.error());
    if (*before) return the_same(**before, info);
  }
  const Result<bool> known = writer_.has_content(info.sha256);
  if (!known) return fail(known.error());
  Status done = contents_.keep(draft, info.sha256);
  if (done) done = writer_.add(info);
  if (!done) {
    // In doubt the row may be there at the next start, and needs it.
    if (!*known && done.error().code != "store-in-doubt") contents_.remove(info.sha256);
    return fail(std::move(done).error());
  }
  if (!*known) {
    used_ += info.size;
    stored_ += info.size;
  }
  ++count_;
  renew_gauges();
  return info;
}

Result<std::optional<FileInfo>> FileStore::find(const std::string& id) {
  const std::scoped_lock lock(read_mutex_);
  return reader_.find(id);
}

Result<std::unique_ptr<engine::FileReader>> FileStore::open(const std::string& id) {
  const Result<std::optional<FileInfo>> info = find(id);
  if (!info) return fail(info.error());
  if (!*info) return fail(file_unknown());
  Result<std::unique_ptr<engine::FileReader>> reader = contents_.read((**info).sha256);
  if (!reader || *reader) return reader;
  // Removed meanwhile, or lost.
  const Result<std::optional<FileInfo>> now = find(id);
  if (!now) return fail(now.error());
  if (!*now) return fail(file_unknown());
  Problem problem = make_problem(ErrorKind::configuration, "store-damaged",
                                 "the content of the file " + id + " is gone; restore a backup");
  problem.status = 500;
  return fail(std::move(problem));
}

// --- Claims ---

Result<engine::FileClaim> FileStore::claim(const std::vector<std::string>& ids,
                                           InstanceId instance) {
  engine::FileClaim claim{instance, {}};
  if (ids.empty()) return claim;
  const std::scoped_lock lock(write_mutex_);
  Result<std::vector<std::string>> taken = writer_.claim(ids, instance);
  if (!taken) return fail(std::move(taken).error());
  const std::scoped_lock claims(claims_mutex_);
  for (const std::string& id : ids) {
    const bool fresh = std::find(taken->begin(), taken->end(), id) != taken->end();
    const bool known = claims_.count(id) != 0;
    Claims& of = claims_[id];
    // The instance had it before: whether for good, settle_claims() finds out.
    if (!fresh && !known) of.kept = true;
    of.instance = instance;
    ++of.open;
    claim.ids.push_back(id);
  }
  return claim;
}

// Those that nobody keeps. The lock is held.
std::vector<std::string> FileStore::settled(const engine::FileClaim& claim, bool kept) {
  std::vector<std::string> free;
  for (const std::string& id : claim.ids) {
    const auto of = claims_.find(id);
    if (of == claims_.end()) continue;
    of->second.kept = of->second.kept || kept;
    if (--of->second.open > 0) continue;
    if (!of->second.kept) free.push_back(id);
    claims_.erase(of);
  }
  return free;
}

// That it is for good is written by settle_claims(): until then it is so because the instance is
// there.
void FileStore::keep(const engine::FileClaim& claim) {
  const std::scoped_lock claims(claims_mutex_);
  (void)settled(claim, true);
}

Status FileStore::release(const engine::FileClaim& claim) {
  const std::scoped_lock lock(write_mutex_);
  std::vector<std::string> free;
  {
    const std::scoped_lock claims(claims_mutex_);
    free = settled(claim, false);
  }
  return free.empty() ? Status() : writer_.settle({}, free);
}

bool FileStore::is_claimed(const std::string& id) const {
  const std::scoped_lock claims(claims_mutex_);
  return claims_.count(id) != 0;
}

bool FileStore::has_claims(InstanceId instance) const {
  const std::scoped_lock claims(claims_mutex_);
  return std::any_of(claims_.begin(), claims_.end(),
                     [instance](const auto& each) { return each.second.instance == instance; });
}

Status FileStore::settle_claims(const Exists& exists) {
  std::string after;
  do {
    if (Status done = settle_bite(after, exists); !done) return done;
  } while (!after.empty());
  return {};
}

// Nobody claims or removes a file meanwhile.
Status FileStore::settle_bite(std::string& after, const Exists& exists) {
  const std::scoped_lock lock(write_mutex_);
  const auto rows = writer_.claimed(after, kBite);
  if (!rows) return fail(rows.error());
  after = rows->size() < kBite ? std::string() : rows->back().id;
  std::vector<std::string> kept;
  std::vector<std::string> freed;
  for (const FileRows::Claimed& row : *rows) {
    if (is_claimed(row.id)) continue;
    const Result<bool> there = exists(row.instance);
    if (!there) return fail(there.error());
    (*there ? kept : freed).push_back(row.id);
  }
  if (!freed.empty())
    surroundings_.log.info("files are free again, whose instance did not come about",
                           {{"files", freed.size()}});
  return kept.empty() && freed.empty() ? Status() : writer_.settle(kept, freed);
}

Result<std::vector<FileInfo>> FileStore::list(std::optional<InstanceId> instance,
                                              const std::string& after, std::size_t most) {
  const std::scoped_lock lock(read_mutex_);
  return reader_.list(instance, after, most);
}

// The rows have gone, durably. The lock is held.
Result<std::size_t> FileStore::removed(const Result<FileRows::Removed>& rows) {
  if (!rows) return fail(rows.error());
  for (const FileRows::Content& content : rows->contents) {
    contents_.remove(content.sha256);
    used_ -= content.size;
    stored_ -= content.size;
  }
  count_ -= rows->files;
  renew_gauges();
  return rows->files;
}

Status FileStore::remove(const engine::FileInfo& seen) {
  const std::scoped_lock lock(write_mutex_);
  if (is_claimed(seen.id)) return fail(file_in_use(seen.id));
  const Result<std::optional<engine::FileInfo>> now = writer_.find(seen.id);
  if (!now) return fail(now.error());
  if (*now && (**now).instance && (**now).instance != seen.instance)
    return fail(file_in_use(seen.id));
  const Result<std::size_t> gone = removed(writer_.remove(seen.id));
  return gone ? Status() : fail(gone.error());
}

Status FileStore::settle_of(const std::vector<InstanceId>& instances) {
  const std::scoped_lock lock(write_mutex_);
  if (count_ == 0) return {};
  return writer_.settle_of(without_claims(instances.begin(), instances.end()));
}

// An id that follows from a start's Idempotency-Key may be about to be in use again. The lock is
// held.
std::vector<InstanceId> FileStore::without_claims(Instances::const_iterator from,
                                                  Instances::const_iterator end) const {
  Instances those;
  std::copy_if(from, end, std::back_inserter(those),
               [this](InstanceId id) { return !has_claims(id); });
  return those;
}

Status FileStore::remove_of(const std::vector<InstanceId>& instances) {
  if (const std::scoped_lock lock(write_mutex_); count_ == 0) return {};
  for (std::size_t at = 0; at < instances.size(); at += kBite) {
    const auto from = instances.begin() + static_cast<std::ptrdiff_t>(at);
    const auto count = static_cast<std::ptrdiff_t>(std::min(kBite, instances.size() - at));
    const std::scoped_lock lock(write_mutex_);
    const Result<std::size_t> gone = removed(writer_.remove_of(without_claims(from, from + count)));
    if (!gone) return fail(gone.error());
  }
  return {};
}

Result<std::size_t> FileStore::remove_unused() {
  const WallTime before = surroundings_.clock.now() - options_.keep_unused;
  std::size_t all = 0;
  for (std::size_t last = kBite; last == kBite; all += last) {
    const std::scoped_lock lock(write_mutex_);
    const Result<std::size_t> gone = removed(writer_.remove_unused(before, kBite));
    if (!gone) return fail(gone.error());
    last = *gone;
  }
  return all;
}

Status FileStore::remove_orphans(InstanceId& after, const Exists& exists) {
  std::unique_lock reading(read_mutex_);
  const Result<std::vector<InstanceId>> instances = reader_.instances(after, kBite);
  reading.unlock();
  if (!instances) return fail(instances.error());
  std::vector<InstanceId> gone;
  for (const InstanceId instance : *instances) {
    const Result<bool> there = exists(instance);
    if (!there) return fail(there.error());
    if (!*there) gone.push_back(instance);
  }
  after = instances->size() < kBite ? InstanceId{} : instances->back();
  return remove_gone(gone, exists);
}

// An id that follows from a start's Idempotency-Key may be in use again by now.
Status FileStore::remove_gone(const std::vector<InstanceId>& instances, const Exists& exists) {
  for (const InstanceId instance : instances) {
    const std::scoped_lock lock(write_mutex_);
    if (has_claims(instance)) continue;
    const Result<bool> there = exists(instance);
    if (!there) return fail(there.error());
    if (*there) continue;
    const Result<std::size_t> gone = removed(writer_.remove_of({instance}));
    if (!gone) return fail(gone.error());
  }
  return {};
}

void FileStore::renew_gauges() {
  bytes_.set(static_cast<double>(stored_));
  files_.set(static_cast<double>(count_));
}

}  // namespace stepwell::store
