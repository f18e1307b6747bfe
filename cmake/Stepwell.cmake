# One function makes a library of a folder, with its allowed dependencies; one makes a test.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Werror
  -fno-omit-frame-pointer -fstack-protector-strong
  -Wno-restrict)  # gcc 12 sees overlaps in std::string that are not there (gcc bug 105651)
add_compile_definitions(_FORTIFY_SOURCE=$<IF:$<CONFIG:Debug>,0,2>)
add_compile_definitions(STEPWELL_VERSION="${PROJECT_VERSION}")
if(STEPWELL_SANITIZE)
  # Under sanitizers gcc 12 takes std::optional and std::regex for uninitialized (gcc bug 105562).
  # A null pointer that is used ends the program anyway, and this machine reads what is not aligned:
  # without these two checks the code compiles in two thirds of the time.
  add_compile_options(-fsanitize=${STEPWELL_SANITIZE} -fno-sanitize=null,alignment
    -fno-sanitize-recover=all -Wno-maybe-uninitialized)
  add_link_options(-fsanitize=${STEPWELL_SANITIZE})
endif()
if(STEPWELL_SANITIZE MATCHES thread)
  add_compile_options(-Wno-tsan)  # Asio has fences, which ThreadSanitizer does not know
endif()
if(STEPWELL_FUZZ)
  # Coverage for libFuzzer everywhere; its main() in the fuzz targets only. Clang does not know the
  # warnings that are switched off for gcc.
  add_compile_options(-fsanitize=fuzzer-no-link -Wno-unknown-warning-option
    -fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/tests/fuzz/ignorelist.txt)
endif()

# A build that is made once and as a whole (a submission's check) compiles a folder's sources in a few
# translation units: that takes half of the time. Sources of one folder therefore have no two local
# names that clash.
option(STEPWELL_UNITY "Join the sources of each target" OFF)
function(stepwell_join target)
  if(STEPWELL_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    # Each source is taken for a header, and its local names for ones that hide another source's.
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage -Wno-shadow)
  endif()
endfunction()

# stepwell_library(NAME SOURCES … DEPENDS folders… [LIBRARIES private external libraries…])
# The target is stepwell_NAME; headers are found from the root as "NAME/header.h".
function(stepwell_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
  set(target stepwell_${NAME})
  add_library(${target} STATIC ${ARG_SOURCES})
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
  foreach(folder ${ARG_DEPENDS})
    target_link_libraries(${target} PUBLIC stepwell_${folder})
  endforeach()
  target_link_libraries(${target} PRIVATE ${ARG_LIBRARIES} Threads::Threads)
  stepwell_join(${target})
endfunction()

# A program that serves gets jemalloc in malloc's place (docs/adr/0008); a sanitizer brings its own.
function(stepwell_allocator target)
  if(NOT STEPWELL_SANITIZE)
    find_library(JEMALLOC_LIBRARY jemalloc REQUIRED)
    target_link_libraries(${target} PRIVATE ${JEMALLOC_LIBRARY})
  endif()
endfunction()

# stepwell_test(NAME SOURCES … DEPENDS folders… [LIBRARIES …] [LABELS …] [TIMEOUT seconds])
# One GoogleTest program, registered with ctest as one test a program.
function(stepwell_test NAME)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;DEPENDS;LIBRARIES;LABELS" ${ARGN})
  set(target ${NAME}_test)
  add_executable(${target} ${ARG_SOURCES})
  set(optimization -O1)
  if(STEPWELL_SANITIZE)
    set(optimization -O0 -fno-sanitize=undefined)
  endif()
  # What is tested is optimized; the tests' own code need only compile quickly. (At -O1 gcc 12 takes
  # some of std::optional for uninitialized.)
  target_compile_options(${target} PRIVATE ${optimization}
    -Wno-maybe-uninitialized)
  stepwell_join(${target})
  foreach(folder ${ARG_DEPENDS})
    target_link_libraries(${target} PRIVATE stepwell_${folder})
  endforeach()
  target_link_libraries(${target} PRIVATE stepwell_test_support ${ARG_LIBRARIES} GTest::gtest_main Threads::Threads)
  add_test(NAME ${NAME} COMMAND ${target})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 600)  # for a hang; under sanitizers on a busy machine minutes are usual
  endif()
  set_tests_properties(${NAME} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
