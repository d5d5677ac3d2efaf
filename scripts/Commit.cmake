# Writes ${PROJECT_BINARY_DIR}/generated/commit.h, which defines DIFFEO_COMMIT, anew whenever HEAD moves; empty where
# the source is no working copy of git.
find_program(git git)
set(commit_header ${PROJECT_BINARY_DIR}/generated/commit.h)
set(head)
if(git)
  execute_process(COMMAND ${git} -C ${PROJECT_SOURCE_DIR} rev-parse --path-format=absolute --git-path logs/HEAD
                  OUTPUT_VARIABLE head OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(EXISTS "${head}")
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/generated)
  add_custom_command(OUTPUT ${commit_header} DEPENDS ${head} VERBATIM
                     COMMAND ${git} -C ${PROJECT_SOURCE_DIR} log -1 "--format=#define DIFFEO_COMMIT \"%h\""
                             > ${commit_header})
else()
  file(WRITE ${commit_header} "#define DIFFEO_COMMIT \"\"\n")
endif()
