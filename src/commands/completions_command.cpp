#include <iostream>

#include "commands/commands.h"
#include "core/error.h"

namespace diffeo {
namespace {

// Each asks the program itself, by --options, what a command takes, so that it knows as much as the
// program that is installed. A word that is no option completes to a file, to a shipped
// configuration behind the commands that take one, and to a command's own commands.

constexpr const char* kBash =
    R"sh(# diffeo's commands and options: source this file, or put it into bash-completion's folder.
_diffeo() {
  local word=${COMP_WORDS[COMP_CWORD]} words=() given
  for given in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $given == -* ]] || words+=("$given"); done
  local path=("${COMP_WORDS[0]}")
  if ((${#words[@]} > 0)); then path+=("${words[0]}"); fi
  if [[ ${words[0]} == config ]] && ((${#words[@]} > 1)); then path+=("${words[1]}"); fi
  local known
  known=$("${path[@]}" --options 2>/dev/null | cut -f1)
  local takes_config='^(train|bench|describe|check|config show|config validate)( |$)'
  if [[ ${words[*]} =~ $takes_config ]]; then
    known+=" $("${COMP_WORDS[0]}" config list 2>/dev/null | cut -d' ' -f1)"
  fi
  mapfile -t COMPREPLY < <(compgen -W "$known" -- "$word")
}
complete -o bashdefault -o default -F _diffeo diffeo
)sh";

constexpr const char* kZsh = R"sh(#compdef diffeo
# diffeo's commands and options: put this file, called _diffeo, into a folder of fpath.
_diffeo() {
  local -a given path lines shown
  given=(${${words[2,CURRENT-1]}:#-*})
  path=($words[1] $given[1])
  [[ $given[1] == config && -n $given[2] ]] && path+=($given[2])
  lines=(${(f)"$($path --options 2>/dev/null)"})
  shown=(${lines//:/\\:})
  shown=(${shown/$'\t'/:})
  _describe 'diffeo' shown
  case "$given[1]" in
    train|bench|describe|check) compadd -- ${${(f)"$($words[1] config list 2>/dev/null)"}%% *} ;;
  esac
  _files
}
compdef _diffeo diffeo
)sh";

constexpr const char* kFish =
    R"sh(# diffeo's commands and options: put this file into ~/.config/fish/completions, as diffeo.fish.
function __diffeo_options
  set -l given (commandline --tokens-expanded --cut-at-cursor 2>/dev/null; or commandline -opc)
  set -l path $given[1]
  for word in $given[2..]
    string match -q -- '-*' $word; and continue
    test (count $path) -lt 2; or test "$path[2]" = config -a (count $path) -lt 3
    and set -a path $word
  end
  $path --options 2>/dev/null
end
function __diffeo_takes_config
  set -l given (commandline -opc)
  contains -- "$given[2]" train bench describe check
end
complete -c diffeo -a '(__diffeo_options)'
complete -c diffeo -n __diffeo_takes_config \
  -a '(diffeo config list 2>/dev/null | string split -f1 " ")'
)sh";

}  // namespace

void completions_command(const Words& words) {
  std::string shell;
  CommandLine line("diffeo completions",
                   "Prints what makes a shell complete diffeo's commands, options and shipped "
                   "configurations.",
                   "source <(diffeo completions bash)");
  line.argument("SHELL", shell, "bash, zsh or fish");
  if (!line.parse(words)) return;
  const std::pair<std::string, const char*> scripts[] = {
      {"bash", kBash}, {"zsh", kZsh}, {"fish", kFish}};
  for (const auto& [name, script] : scripts) {
    if (name != shell) continue;
    std::cout << script;
    return;
  }
  fail(Exit::kUsage, "diffeo completions: SHELL: expected bash, zsh or fish, found '", shell, "'");
}

}  // namespace diffeo
