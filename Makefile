# The front door. Each target installs what it needs first (Debian packages, only missing ones).

JOBS ?= $(shell nproc)
CTEST = ctest --output-on-failure --timeout 300

.PHONY: help setup build demo test bench asan tsan lint format clean

help:
	@echo "make demo    a daemon, an upstream, and what happens when a key is revoked"
	@echo "make test    all tests, in the release build and under ASan and UBSan"
	@echo "make build   build/release/stepwell"
	@echo "make bench   benchmarks beside their yardsticks; build/bench/results.json"
	@echo "make asan | tsan   the tests under these sanitizers"
	@echo "make lint | format"

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

lint: build/dev/build.ninja
	tools/lint.sh build/dev

format: | setup
	git ls-files '*.h' '*.cpp' | xargs clang-format-14 -i

clean:
	rm -rf build
