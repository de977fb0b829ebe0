/* l_http.h: what the files of the http binding share: http.c, clients and requests, and
 * http_response.c, responses. */
#ifndef NEAP_LUA_L_HTTP_H
#define NEAP_LUA_L_HTTP_H

#include "../core/transfer.h"
#include "flow.h"
#include "l_common.h"

#define L_CLIENT_MT "neap.HttpClient"
#define L_RESPONSE_MT "neap.Response"

#define L_METHOD_MAX 16

struct l_response;

/* User value 1: the sandbox, if any. */
typedef struct l_client {
    const void *tag;          /* &client_tag from making to collection */
    neap_http *http;          /* owned; NULL: closed */
    struct l_response *first; /* transfers under way */
} l_client;

/* User value 1: the client; 2: URL; 3: request body, later the answer's; 4: the call. */
enum { L_RESPONSE_BODY = 3 };

typedef struct l_response {
    const void *tag;          /* &response_tag from making to collection, unless it is retired */
    l_op op;                  /* the wait for the end, or of a streamed one for the head */
    l_op *reader;             /* the wait for a piece, see l_read; NULL: nobody waits */
    neap_transfer *t;         /* owned; NULL: never started, or over and let go of */
    l_client *client;         /* while under way, else NULL */
    struct l_response *next, *prev; /* in client->first */
    neap_call *call;          /* to be stamped; NULL: none */
    neap_buf queue;           /* streamed, not read yet */
    size_t room;              /* bytes of it that wake nobody */
    neap_err err;
    int status;
    bool streamed, headed, done, sent, cut, cached;
    char method[L_METHOD_MAX];
} l_response;

/* Gets the client at idx. THROWS if it is none, or closed. */
l_client *l_http_check_client(lua_State *L, int idx);
/* Makes the class of responses. May throw. */
void l_response_open_class(lua_State *L);
/* Pushes a response of the client at idx, to be started. May throw.                   [-0, +1, m] */
l_response *l_response_push(lua_State *L, int client, bool streamed);
/* Makes a response of memory of the caller's; `push` ends its wait (route.c). */
void l_response_init(l_response *u, bool streamed, int (*push)(lua_State *, l_op *));
/* Pushes a retired response: one that has nothing, and is nobody's. May throw.         [-0, +1, m] */
l_response *l_response_push_retired(lua_State *L);
/* Retires the response on top, which is over: whoever still has it gets an error.      [-0, +0, -] */
void l_response_retire(lua_State *L);
/* Has a retired one take over what `from`, memory of the caller's, has got. */
void l_response_take(l_response *u, l_response *from);
/* Ends a transfer under way, its waits too, and frees. */
void l_response_drop(l_response *u);
/* For a vendor's rules a status that refuses is an answer, even where its body was cut short. */
bool l_response_is_refusal(const l_response *u);
/* Starts its transfer; it and its client now know each other. 0 or a negative code, in u->err. */
int l_response_start(l_response *u, l_client *c, const neap_request *req);
/* Pushes nil and the error, with `sent` and `truncated`.                              [-0, +2, m] */
int l_response_fail(lua_State *L, const l_response *u);
/* Ends a transfer under way; its waits end with kind "cancelled". Never throws. */
void l_response_abort(l_response *u, const char *why);

#endif
