# The front door. Each target installs what it needs first (Debian packages, only missing ones).

JOBS ?= $(shell nproc)
WORKLOAD ?= w1
FUZZ_SECONDS ?= 3600
FUZZ_JOBS ?= $(JOBS)
KILLS ?= 1000
SEEDS ?= 100000
SEED ?= 1
MINUTES ?= 30
CTEST = ctest --output-on-failure --timeout 300 -j $(JOBS)

.PHONY: help setup build package demo test bench profile asan tsan simulate kill soak lint lint-deep format fuzz clean

help:
	@echo "make demo    a daemon, an upstream, and what happens when a key is revoked"
	@echo "make test    all tests, in the release build and under ASan and UBSan"
	@echo "make build   build/release/stepwell"
	@echo "make package a Debian package: build/release/package"
	@echo "make bench   benchmarks beside their yardsticks; build/bench/results.json"
	@echo "make profile where an instance's time goes, by thread and function; WORKLOAD"
	@echo "make asan | tsan   the tests under these sanitizers"
	@echo "make simulate  the engine in simulated worlds with faults; SEEDS, SEED (SEEDS=1: that one)"
	@echo "make kill    the daemon killed under load, and a judge of what was sent; KILLS, SEED"
	@echo "make soak    memory, file descriptors and threads under a long load with faults; MINUTES"
	@echo "make lint | lint-deep | format   (deep: clang's analyzer too)"
	@echo "make fuzz    the expression language under libFuzzer; FUZZ_SECONDS, FUZZ_JOBS"

setup:
	@tools/setup.sh

build/%/build.ninja: CMakeLists.txt CMakePresets.json | setup
	cmake --preset $* -Wno-dev > /dev/null

build: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell

package: build
	cd build/release && cpack -G DEB

demo: build
	tools/demo.sh build/release/stepwell

test: release-test asan

release-test: build/release/build.ninja
	cmake --build build/release -j $(JOBS)
	cd build/release && $(CTEST)

tsan: export TSAN_OPTIONS = suppressions=$(CURDIR)/tests/support/tsan.supp
asan tsan: %: build/%/build.ninja
	cmake --build build/$* -j $(JOBS)
	cd build/$* && $(CTEST) -LE release-only

simulate: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target simulation_test
	STEPWELL_SEEDS=$(SEEDS) STEPWELL_SEED=$(SEED) build/release/simulation_test \
		--gtest_filter=Simulation.KeepsWhatItPromisesWhateverHappens

kill: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell stepwell_kill_at
	STEPWELL_KILLS=$(KILLS) STEPWELL_SEED=$(SEED) /usr/bin/python3 tests/fault/kill_test.py \
		build/release/stepwell build/release/tests/support/libstepwell_kill_at.so

soak: build
	/usr/bin/python3 tests/fault/soak.py build/release/stepwell $(MINUTES)

bench: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell_bench
	mkdir -p build/bench
	build/release/stepwell_bench --out build/bench/results.json

bench-connections: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell
	STEPWELL_CONNECTIONS=9900 /usr/bin/python3 -B tests/integration/server_test.py build/release/stepwell \
		Idle Encrypted.test_idle_connections_cost_little_over_tls

bench-%: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell_bench
	mkdir -p build/bench
	build/release/stepwell_bench --out build/bench/$*.json --only $*

profile: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell_bench
	tools/profile.sh build/release/stepwell_bench $(WORKLOAD)

fuzz:
	@tools/setup.sh fuzz
	cmake --preset fuzz -Wno-dev > /dev/null
	cmake --build build/fuzz -j $(JOBS) --target fuzz_targets
	tools/fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_JOBS)

lint: build/lint/build.ninja
	tools/lint.sh build/lint

lint-deep: lint build/dev/build.ninja
	tools/lint.sh build/dev deep

format: | setup
	git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

clean:
	rm -rf build
