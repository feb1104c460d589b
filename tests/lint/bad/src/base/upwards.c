#include "text/tokenizer.h" /* base looks upwards: tools/lint_includes.py must say so */
