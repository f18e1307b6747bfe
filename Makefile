# The front door. Each target installs what it needs first (Debian packages, only missing ones).

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 3600
FUZZ_JOBS ?= $(JOBS)
CTEST = ctest --output-on-failure --timeout 300 -j $(JOBS)

.PHONY: help setup build demo test bench asan tsan lint lint-deep format fuzz clean

help:
	@echo "make demo    a daemon, an upstream, and what happens when a key is revoked"
	@echo "make test    all tests, in the release build and under ASan and UBSan"
	@echo "make build   build/release/stepwell"
	@echo "make bench   benchmarks beside their yardsticks; build/bench/results.json"
	@echo "make asan | tsan   the tests under these sanitizers"
	@echo "make lint | lint-deep | format   (deep: clang's analyzer too)"
	@echo "make fuzz    the expression language under libFuzzer; FUZZ_SECONDS, FUZZ_JOBS"

setup:
	@tools/setup.sh

build/%/build.ninja: CMakeLists.txt CMakePresets.json | setup
	cmake --preset $* -Wno-dev > /dev/null

build: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell

demo: build
	tools/demo.sh build/release/stepwell

test: release-test asan

release-test: build/release/build.ninja
	cmake --build build/release -j $(JOBS)
	cd build/release && $(CTEST)

asan tsan: %: build/%/build.ninja
	cmake --build build/$* -j $(JOBS)
	cd build/$* && $(CTEST) -LE release-only

bench: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell_bench
	mkdir -p build/bench
	build/release/stepwell_bench --out build/bench/results.json

bench-%: build/release/build.ninja
	cmake --build build/release -j $(JOBS) --target stepwell_bench
	mkdir -p build/bench
	build/release/stepwell_bench --out build/bench/results.json --only $*

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
