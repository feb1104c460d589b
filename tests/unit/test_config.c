/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what families read from it, and that every hostile one is refused with a sentence that names the key. */
#include <string.h>

#include "unit/cmocka_all.h"

#include "base/json.h"
#include "model/builder.h"

#define GOOD                                                                                                            \
    "\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"vocab_size\":300," \
    "\"max_position_embeddings\":256"

static hd_status read_config(const char *text, hdi_config *config) {
    json_t *json;
    const hdi_family *family;
    HD_TRY(hdi_json_parse(text, strlen(text), "config.json", &json));
    hd_status status = hdi_config_names(json, "config.json", config);
    if (status == HD_OK) status = hdi_family_find(config, "config.json", &family);
    if (status == HD_OK) status = hdi_config_read(json, "config.json", config);
    if (status == HD_OK) status = family->configure(json, "config.json", config);
    json_decref(json);
    return status;
}

static void families_read_their_own_keys(void **state) {
    (void)state;
    static hdi_config c;
    assert_int_equal(
        read_config("{\"architectures\":[\"LlamaForCausalLM\"]," GOOD ",\"num_key_value_heads\":2,\"attention_bias\":true}", &c),
        HD_OK);
    assert_int_equal(c.kv_heads, 2);
    assert_int_equal(c.head_dim, 16);
    assert_true(c.qkv_bias && c.output_bias && !c.mlp_bias && !c.qk_norm && !c.tied);
    assert_int_equal(c.context, 256);
    assert_true(c.rope_theta == 10000);
    assert_int_equal(read_config("{\"model_type\":\"mistral\"," GOOD "}", &c), HD_OK);
    assert_int_equal(c.window, 4096);
    assert_true(c.windowed[0] && c.windowed[1]);
    assert_int_equal(read_config("{\"architectures\":[\"MistralForCausalLM\"]," GOOD ",\"sliding_window\":null}", &c), HD_OK);
    assert_false(c.windowed[0]);
    assert_int_equal(read_config("{\"architectures\":[\"Qwen2ForCausalLM\"]," GOOD ",\"sliding_window\":16}", &c), HD_OK);
    assert_true(c.qkv_bias && !c.output_bias && !c.windowed[1]);
    assert_int_equal(read_config("{\"architectures\":[\"Qwen2ForCausalLM\"]," GOOD
                                 ",\"use_sliding_window\":true,\"sliding_window\":16,\"max_window_layers\":1}",
                                 &c),
                     HD_OK);
    assert_true(!c.windowed[0] && c.windowed[1] && c.window == 16);
    assert_int_equal(
        read_config("{\"architectures\":[\"Qwen3ForCausalLM\"]," GOOD ",\"head_dim\":32,\"tie_word_embeddings\":true}", &c),
        HD_OK);
    assert_true(c.qk_norm && !c.qkv_bias && c.head_dim == 32 && c.tied);
}

static void scalings_are_read(void **state) {
    (void)state;
    static hdi_config c;
    assert_int_equal(read_config("{\"model_type\":\"llama\"," GOOD ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2}}", &c),
                     HD_OK);
    assert_int_equal(c.rope_scaling.kind, HD_ROPE_SCALING_LINEAR);
    assert_int_equal(c.context, 512);
    assert_int_equal(
        read_config("{\"model_type\":\"llama\"," GOOD
                    ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,"
                    "\"original_max_position_embeddings\":64}}",
                    &c),
        HD_OK);
    assert_int_equal(c.rope_scaling.original_positions, 64);
    assert_int_equal(c.context, 256);
    assert_int_equal(
        read_config("{\"model_type\":\"llama\"," GOOD ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":4.0}}", &c), HD_OK);
    assert_int_equal(c.rope_scaling.original_positions, 256);
    assert_int_equal(c.context, 1024);
}

static void hostile_configurations_are_refused(void **state) {
    (void)state;
    static hdi_config c;
    static const struct {
        const char *text, *says;
        hd_status status;
    } cases[] = {
        {"[]", "config.json", HD_CORRUPT},
        {"{}", "not supported; these are: LlamaForCausalLM", HD_UNSUPPORTED},
        {"{\"architectures\":[\"GPTNeoXForCausalLM\"]," GOOD "}", "GPTNeoXForCausalLM", HD_UNSUPPORTED},
        {"{\"model_type\":\"llama\",\"hidden_size\":64}", "num_hidden_layers", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"num_key_value_heads\":0}", "num_key_value_heads is 0", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"num_key_value_heads\":3}", "4 attention heads cannot share 3", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"head_dim\":-2}", "head_dim is -2", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"head_dim\":7}", "head_dim 7 is odd", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"hidden_act\":\"gelu\"}", "gelu", HD_UNSUPPORTED},
        {"{\"model_type\":\"llama\"," GOOD ",\"rope_scaling\":{\"type\":\"longrope\",\"factor\":2}}", "longrope", HD_UNSUPPORTED},
        {"{\"model_type\":\"llama\"," GOOD ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":-1}}", "factor is -1", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"rope_scaling\":{\"type\":\"linear\"}}", "factor", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"rope_scaling\":7}", "rope_scaling", HD_CORRUPT},
        {"{\"model_type\":\"llama\"," GOOD ",\"rms_norm_eps\":-1}", "rms_norm_eps is -1", HD_CORRUPT},
        {"{\"model_type\":\"qwen2\"," GOOD ",\"use_sliding_window\":true,\"layer_types\":[\"full_attention\"]}",
         "1 entries for 2 layers", HD_CORRUPT},
        {"{\"model_type\":\"qwen2\"," GOOD ",\"use_sliding_window\":true,\"layer_types\":[\"a\",\"b\"]}", "\"a\"",
         HD_UNSUPPORTED},
        {"{\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":-2,\"num_attention_heads\":"
         "4,"
         "\"vocab_size\":300,\"max_position_embeddings\":256}",
         "num_hidden_layers is -2", HD_CORRUPT},
        {"{\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":"
         "0,"
         "\"vocab_size\":300,\"max_position_embeddings\":256}",
         "num_attention_heads is 0", HD_CORRUPT},
        {"{\"model_type\":\"llama\",\"hidden_size\":9223372036854775807,\"intermediate_size\":96,\"num_hidden_layers\":2,"
         "\"num_attention_heads\":4,\"vocab_size\":300,\"max_position_embeddings\":256}",
         "hidden_size is 9223372036854775807", HD_CORRUPT},
        {"{\"model_type\":\"llama\",\"hidden_size\":65,\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":"
         "4,"
         "\"vocab_size\":300,\"max_position_embeddings\":256}",
         "hidden_size 65 is no multiple", HD_CORRUPT},
    };
    for (size_t i = 0; i < HDI_COUNTOF(cases); i++) {
        assert_int_equal(read_config(cases[i].text, &c), cases[i].status);
        if (!strstr(hd_last_error(), cases[i].says)) fail_msg("case %zu says: %s", i, hd_last_error());
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(families_read_their_own_keys), cmocka_unit_test(scalings_are_read),
                                       cmocka_unit_test(hostile_configurations_are_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
