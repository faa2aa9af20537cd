# How a folder of src/ becomes a library, a unit test or a program.

find_program(CCACHE ccache)
if(CCACHE)
  # Hits need these two where a precompiled header is in use; the header's own content is hashed.
  set(ccache_for_pch ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${ccache_for_pch})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Wcast-qual
  -Wimplicit-fallthrough -Wno-missing-field-initializers -fno-omit-frame-pointer
  -fstack-protector-strong -ffunction-sections -fdata-sections)
# gcc 12 sees uninitialized values in every std::optional that it inlines, and the anonymous namespaces
# of files that are compiled together as if they were a header's.
add_compile_options(-Wno-maybe-uninitialized -Wno-subobject-linkage)
add_link_options(-Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack)
add_compile_definitions(_GNU_SOURCE WHERRY_VERSION="${PROJECT_VERSION}")
# Quoted includes only: <sys/socket.h> is the C library's, "sys/socket.h" is ours.
add_compile_options("SHELL:-iquote ${CMAKE_SOURCE_DIR}/src")

if(WHERRY_SANITIZE)
  list(JOIN WHERRY_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${sanitizers})
  set(WHERRY_STATIC OFF)
else()
  # Variables of functions start as zeros, so that nothing of the stack leaks; a buffer that is filled
  # at once and on a hot path may say [[gnu::uninitialized]].
  add_compile_options($<$<CONFIG:Release>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=3>
                      $<$<CONFIG:Release>:-ftrivial-auto-var-init=zero>)
  set(WHERRY_STATIC ON)
endif()
if(WHERRY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
if(WHERRY_COVERAGE)
  add_compile_options(--coverage)
  add_link_options(--coverage)
endif()

find_package(Threads REQUIRED)
find_library(BOOST_JSON_ARCHIVE libboost_json.a REQUIRED)
add_library(wherry_boost_json STATIC IMPORTED)
set_target_properties(wherry_boost_json PROPERTIES IMPORTED_LOCATION ${BOOST_JSON_ARCHIVE})
if(WHERRY_TESTS)
  find_package(GTest REQUIRED)
endif()

# The headers of base/pch.h, compiled once for the programs and once for the tests (their flags
# differ). -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON builds without: each file includes what it uses.
function(wherry_precompile target flavour)
  if(NOT TARGET wherry_pch_${flavour})
    # An executable for the tests, a library for the others: -fPIE and -fPIC must match as well.
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch_${flavour}.cc CONTENT "int main() { return 0; }\n")
    if(flavour STREQUAL "tests")
      add_executable(wherry_pch_tests EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/pch_tests.cc)
      target_compile_options(wherry_pch_tests PRIVATE ${WHERRY_TEST_FLAGS})
    else()
      add_library(wherry_pch_${flavour} OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/pch_${flavour}.cc)
    endif()
    target_precompile_headers(wherry_pch_${flavour} PRIVATE ${CMAKE_SOURCE_DIR}/src/base/pch.h)
  endif()
  target_precompile_headers(${target} REUSE_FROM wherry_pch_${flavour})
endfunction()
# Tests need no speed, and compile in half the time without optimisation.
set(WHERRY_TEST_FLAGS -O0 -U_FORTIFY_SOURCE)

# wherry_library(name [DEPENDS libraries...] [APART files...]): the .cc files of the current folder
# (without *_test.cc and main.cc) as static library wherry_<name>; its *_test.cc as one program
# <name>_test, each TEST a ctest case. With WHERRY_UNITY the files of a library are compiled a few
# together, which halves a clean build; those that repeat names of their neighbours (tables) are
# listed in APART, or APART ALL.
function(wherry_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TEST_DEPENDS;APART" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cc$")
  if(sources)
    add_library(wherry_${name} STATIC ${sources})
    target_link_libraries(wherry_${name} PUBLIC ${ARG_DEPENDS})
    wherry_precompile(wherry_${name} programs)
    if(WHERRY_UNITY AND NOT ARG_APART STREQUAL "ALL")
      set_target_properties(wherry_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
      set_source_files_properties(${ARG_APART} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  else()
    add_library(wherry_${name} INTERFACE)
    target_link_libraries(wherry_${name} INTERFACE ${ARG_DEPENDS})
  endif()
  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  if(WHERRY_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE wherry_${name} ${ARG_TEST_DEPENDS} GTest::gtest_main)
    target_compile_options(${name}_test PRIVATE ${WHERRY_TEST_FLAGS})
    wherry_precompile(${name}_test tests)
    set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME unit/${name} COMMAND ${name}_test --gtest_brief=1)
  endif()
endfunction()

# wherry_program(name [STATIC] DEPENDS libraries...): main.cc of the current folder as bin/<name>.
# STATIC: static-pie where no sanitizer is on (they need the dynamic loader).
function(wherry_program name)
  cmake_parse_arguments(ARG "STATIC" "" "DEPENDS" ${ARGN})
  add_executable(${name} ${CMAKE_CURRENT_SOURCE_DIR}/main.cc)
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  if(ARG_STATIC AND WHERRY_STATIC)
    target_link_options(${name} PRIVATE -static-pie)
  endif()
endfunction()
