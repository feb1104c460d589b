#include "base/status.h" /* a program looks inside the library: tools/lint_includes.py must say so */
