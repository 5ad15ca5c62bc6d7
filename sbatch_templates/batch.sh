@SHEBANG@
@ASKED@
@HEADER@
# dart-sbatch made this batch script (job folder @FOLDER@).
# The lines above are those of the script as it was submitted; what was not asked for there, on the
# command line or by an SBATCH_ variable is asked for first, so that everything of the user wins.
# The supervisor becomes this process: it runs the script, hears Slurm's signals and requeues.
trap '' USR1
dart_python=@PYTHON@
dart_supervisor=@SUPERVISOR@
dart_folder=@FOLDER@
if [ "${DART_DISABLE:-0}" != 1 ] && [ -x "$dart_python" ] && [ -r "$dart_supervisor" ] &&
  [ -w "$dart_folder" ]; then
  exec "$dart_python" -I "$dart_supervisor" "$dart_folder" "$0" "$@"
fi
# Without our Python or our folder on this node the script runs as it is.
[ "${DART_DISABLE:-0}" = 1 ] ||
  echo "dart: NOT CAPTURED: $dart_python or $dart_folder cannot be used on ${SLURMD_NODENAME:-this node}; the script runs as it is" >&2
dart_script=$(mktemp) && sed '1,/^# dart: the script of @KEY@ follows$/d' "$0" >"$dart_script" &&
  exec @INTERPRETER@ "$dart_script" "$@"
exit 1
# dart: the script of @KEY@ follows
@SCRIPT@
