/* SPDX-License-Identifier: MIT */
/* An example of libvkfi: generates, forks, strikes the fork. usage: example MODEL.gguf PROMPT */
#include <stdio.h>
#include <string.h>

#include <vkfi.h>

#define FAULT "{\"site\": \"output_norm\", \"bit\": 30, \"row\": 3, \"step\": 2}"

static int failed(vkfi_status status)
{
    if (status == VKFI_OK)
        return 0;
    fprintf(stderr, "example: %s: %s\n", vkfi_status_name(status), vkfi_message());
    return 1;
}

static int print_token(void *user, const vkfi_token *token)
{
    if (token->id >= 0)
        printf("%6d %8.4f  %016llx  ", token->id, token->logprob, (unsigned long long)token->hash);
    printf("\"%.*s\"\n", (int)token->text_size, token->text);
    *(int *)user += token->id >= 0;
    return 0; /* go on */
}

static int generate(vkfi_session *session)
{
    vkfi_session *fork = NULL;
    vkfi_token token;
    const char *report;
    int count = 0;
    int bad =
        failed(vkfi_session_step(session, &token)) || print_token(&count, &token) ||
        failed(vkfi_session_fork(&fork, session)) || /* both have given one token */
        failed(vkfi_session_run(session, print_token, &count)) ||
        printf("%d tokens, ended by %s; now struck:\n", count, vkfi_session_end(session)) < 0 ||
        failed(vkfi_session_fault(fork, FAULT)) || /* begins anew */
        failed(vkfi_session_run(fork, print_token, &count)) ||
        failed(vkfi_session_report(fork, &report));
    if (!bad)
        printf("%.120s...\n", strstr(report, "\"struck\""));
    vkfi_session_close(fork);
    return bad;
}

int main(int argc, char **argv)
{
    vkfi_model *model = NULL;
    vkfi_device *device = NULL;
    vkfi_session *session = NULL;
    int bad = argc != 3;
    if (bad)
        fputs("usage: example MODEL.gguf PROMPT\n", stderr);
    bad = bad || failed(vkfi_model_open(&model, argv[1])) ||
          failed(vkfi_device_open(&device, model, "{\"device\": \"cpu\", \"sessions\": 2}", NULL,
                                  NULL)) ||
          failed(vkfi_session_open(&session, device, "{\"tokens\": 8, \"logprobs\": true}")) ||
          failed(vkfi_session_feed_text(session, argv[2], strlen(argv[2]), VKFI_PARSE_PLAIN)) ||
          generate(session);
    vkfi_session_close(session);
    vkfi_device_close(device);
    vkfi_model_close(model);
    return bad;
}
